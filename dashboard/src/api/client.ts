/** Typed calls to dashboard-api: paths, bodies and answers come from the generated schema. */
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

type Json<T> = T extends { content: { "application/json": infer J } } ? J : never;
type Operation<P extends keyof paths, M extends "get" | "post"> = NonNullable<paths[P][M]>;
type Answer<P extends keyof paths, M extends "get" | "post"> =
  Operation<P, M> extends { responses: infer R }
    ? 200 extends keyof R
      ? Json<R[200]>
      : 202 extends keyof R
        ? Json<R[202]>
        : void
    : never;
type Body<P extends keyof paths> =
  Operation<P, "post"> extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
export type GetPath = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
export type PostPath = { [P in keyof paths]: paths[P] extends { post: object } ? P : never }[keyof paths];
type Values = Readonly<Record<string, string | number | undefined>>;

/** An answer that is not the asked one: what is wrong and what to do next. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail);
  }
}

function address(path: string, values: Values): string {
  const query = new URLSearchParams();
  let filled = path;
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === "") continue;
    const slot = `{${name}}`;
    if (filled.includes(slot)) filled = filled.replace(slot, encodeURIComponent(String(value)));
    else query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${filled}?${text}` : filled;
}

async function send(url: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch {
    throw new ApiError(0, { rule: "API-DOWN", detail: "dashboard-api does not answer", next_step: "jennie status" });
  }
  if (response.status === 204) return undefined;
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.ok) return body;
  const said = body as Partial<Problem> | undefined;
  throw new ApiError(response.status, {
    rule: said?.rule ?? `HTTP-${response.status}`,
    detail: said?.detail ?? `status ${response.status}`,
    next_step: said?.next_step ?? "jennie status",
  });
}

export function get<P extends GetPath>(path: P, values: Values = {}, signal?: AbortSignal): Promise<Answer<P, "get">> {
  return send(address(path, values), signal ? { signal } : {}) as Promise<Answer<P, "get">>;
}

export function post<P extends PostPath>(path: P, values: Values, body: Body<P>): Promise<Answer<P, "post">> {
  return send(address(path, values), {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Jennie-Request": "1" },
    body: JSON.stringify(body ?? {}),
  }) as Promise<Answer<P, "post">>;
}
