/** Cached reads with their refresh times (live 10 s, health 30 s, logs 15 s). */
import { useQuery } from "@tanstack/react-query";
import { get, type GetPath } from "./client";

export const LIVE = 10_000;
export const LOGS = 15_000;
export const HEALTH = 30_000;
export const SLOW = 60_000;

export function useApi<P extends GetPath>(
  path: P,
  values: Readonly<Record<string, string | number | undefined>> = {},
  every: number = SLOW,
  enabled = true,
) {
  return useQuery({
    queryKey: [path, values],
    queryFn: ({ signal }) => get(path, values, signal),
    refetchInterval: every,
    enabled,
    retry: 1,
    placeholderData: (previous) => previous,
  });
}
