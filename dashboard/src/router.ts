/** Pages by the part of the address behind the hash. */
import { useSyncExternalStore } from "react";

export const PAGES = ["overview", "portfolio", "scout", "macro", "system"] as const;
export type Page = (typeof PAGES)[number];

const listen = (onChange: () => void) => {
  window.addEventListener("hashchange", onChange);
  return () => window.removeEventListener("hashchange", onChange);
};

export function useRoute(): { page: Page; rest: string } {
  const hash = useSyncExternalStore(listen, () => window.location.hash);
  const [first, ...rest] = hash.replace(/^#\/?/, "").split("/");
  const page = PAGES.find((known) => known === first) ?? "overview";
  return { page, rest: rest.join("/") };
}
