import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Identity } from "../auth/authenticator.js";
import type { ApiError } from "../route.js";

/** Which part of the console a path belongs to: how it is refused, and how the audit trail names it. */
export type Area = "api" | "flower" | "page";

/** What the audit line of an unsafe request will say; routes fill it in as they learn it. */
export interface AuditNote {
  action: string;
  target: string;
  parameters: unknown;
  /** Set where the reply's status tells too little, as in "2 done, 1 refused". */
  outcome?: string | undefined;
}

/** What the guards of `console-app.ts` have found out before a route is asked. */
export interface ConsoleEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    area: Area;
    /** Of the client, past trusted proxies. */
    address: string;
    /** Of whoever asks, once looked up; undefined for a stranger. */
    identity: Identity | undefined;
    identify: () => Promise<Identity | undefined>;
    /** Why the request was not served. */
    refusal: ApiError | undefined;
    note: AuditNote;
  };
}
export type ConsoleContext = Context<ConsoleEnv>;

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a request may change something. No GET of the console does. */
export function isUnsafe(method: string): boolean {
  return !SAFE_METHODS.has(method);
}

/** `/api/v1…` is ours, what else is under `/api` is Flower's. Pages are the rest. */
export function areaOf(path: string): Area {
  if (path === "/api/v1" || path.startsWith("/api/v1/")) return "api";
  if (path === "/api/docs" || path.startsWith("/api/docs/")) return "page";
  return path.startsWith("/api/") ? "flower" : "page";
}
