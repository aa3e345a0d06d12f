import type { Problem } from "../../api/common.js";
import { nameInPath } from "../../api/path-names.js";

/** Values of a query string; those that are absent or empty are left out. */
export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Requests end after this: a console that hangs must not hang its pages. */
const DEADLINE_MS = 30_000;

/** A refusal, with the server's own words and code; `unreachable` and `timeout` when the server did not speak at all. */
export class ApiProblem extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ApiProblem";
    this.problem = problem;
  }
  get status(): number {
    return this.problem.status;
  }
  get code(): string {
    return this.problem.code;
  }
}

/** A path of the API with its names encoded: `` apiPath`tasks/${id}/revoke` ``. */
export function apiPath(texts: TemplateStringsArray, ...parts: readonly (string | number)[]): string {
  return texts.reduce((path, text, index) => {
    const part = parts[index];
    return path + text + (part === undefined ? "" : nameInPath(String(part)));
  }, "");
}

/** `?a=1&b=2`, or nothing. */
export function queryText(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

/** The whole address of something under `/api/v1`, with the server's prefix: for downloads and streams. */
export function apiUrl(path: string, query?: Query): string {
  return new URL(`api/v1/${path}${queryText(query)}`, document.baseURI).href;
}

/** A random key. `crypto.randomUUID` exists on https and loopback only; this works everywhere. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface SendOptions {
  /** Repeats with one key act once. Default: a new key for each call. */
  readonly idempotencyKey?: string;
  /** For PUT: the version that is being changed. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

/**
 * The API of the console. Paths are under `/api/v1`, without a leading slash.
 * Everything throws an `ApiProblem` when the server refuses or is not reached, and the signal's reason when aborted.
 */
export const api = {
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return request<T>("GET", path, { ...(query && { query }), ...(signal && { signal }) });
  },
  post<T>(path: string, body?: unknown, options: SendOptions = {}): Promise<T> {
    return request<T>("POST", path, { ...options, body, idempotencyKey: options.idempotencyKey ?? randomKey() });
  },
  put<T>(path: string, body: unknown, options: SendOptions = {}): Promise<T> {
    return request<T>("PUT", path, { ...options, body });
  },
  patch<T>(path: string, body: unknown, options: SendOptions = {}): Promise<T> {
    return request<T>("PATCH", path, { ...options, body });
  },
  delete<T>(path: string, body?: unknown, options: SendOptions = {}): Promise<T> {
    return request<T>("DELETE", path, { ...options, body });
  },
  /** A file, under the name that the server gives it. */
  download(path: string): Promise<{ readonly blob: Blob; readonly fileName: string }> {
    return ask("GET", path, {}, async (response) => {
      if (!response.ok) throw new ApiProblem(problemOf(response, await readBody(response)));
      const fileName = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
      return { blob: await response.blob(), fileName: fileName ?? "download" };
    });
  },
} as const;

interface RequestOptions extends SendOptions {
  readonly query?: Query;
  readonly body?: unknown;
}

async function request<T>(method: string, path: string, options: RequestOptions): Promise<T> {
  return await ask(method, path, options, async (response) => {
    const body = await readBody(response);
    if (!response.ok) throw new ApiProblem(problemOf(response, body));
    // Both ends are built from src/api: the server has checked its reply against the very schema of this type.
    return body as T;
  });
}

async function ask<T>(
  method: string,
  path: string,
  options: RequestOptions,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  if (options.ifMatch !== undefined) headers["if-match"] = options.ifMatch;
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(apiUrl(path, options.query), {
      method,
      headers,
      credentials: "same-origin",
      signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    });
    return await read(response);
  } catch (error) {
    if (error instanceof ApiProblem || options.signal?.aborted) throw error;
    throw new ApiProblem(
      deadline.aborted
        ? unreached("timeout", `No answer within ${DEADLINE_MS / 1000} s.`)
        : unreached("unreachable", "The console's server could not be reached."),
    );
  }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a failed response says: its problem document, or the status alone where something between us answered. */
function problemOf(response: Response, body: unknown): Problem {
  if (isProblem(body)) return body;
  return {
    type: "about:blank",
    title: response.statusText || "Error",
    status: response.status,
    code: `http_${response.status}`,
    detail: `The server answered ${response.status} ${response.statusText}`.trim(),
  };
}

function isProblem(body: unknown): body is Problem {
  return (
    typeof body === "object" &&
    body !== null &&
    "code" in body &&
    typeof body.code === "string" &&
    "detail" in body &&
    typeof body.detail === "string" &&
    "status" in body &&
    typeof body.status === "number"
  );
}

function unreached(code: string, detail: string): Problem {
  return { type: "about:blank", title: "Not reached", status: 0, code, detail };
}

/** Anything thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  return unreached("page_error", error instanceof Error ? error.message : String(error));
}
