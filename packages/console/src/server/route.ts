import type { ServerResponse } from "node:http";
import type { z } from "@hono/zod-openapi";
import type { Role } from "../api/common.js";
import type { ConsoleParts } from "./parts.js";

/** Who asks. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** Whether they may see arguments, results, logs and message bodies (`consoleViewerSeesPayloads`). */
  readonly seesPayloads: boolean;
  readonly via: "page" | "api" | "flower";
  readonly address: string;
}

/** What a handler is given: everything is parsed and allowed already. */
export interface RouteRequest<Params, Query, Body> {
  readonly parts: ConsoleParts;
  readonly user: User;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Aborts when the client went away, or the deadline of the request is over. */
  readonly signal: AbortSignal;
  readonly headers: Headers;
  /** Whether the same credentials still give the same rights: streams ask now and then. */
  stillAllowed(): Promise<boolean>;
}

/** A reply other than 200 with JSON. */
export class RouteReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    body: unknown,
    options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    this.body = body;
    this.status = options.status ?? 200;
    this.headers = options.headers ?? {};
  }
}

/** Bytes that are written as they are made: exports, downloads. */
export class StreamReply {
  readonly chunks: AsyncIterable<string>;
  readonly contentType: string;
  readonly fileName: string;
  constructor(chunks: AsyncIterable<string>, options: { readonly contentType: string; readonly fileName: string }) {
    this.chunks = chunks;
    this.contentType = options.contentType;
    this.fileName = options.fileName;
  }
}

/** A reply that takes over the connection and writes to it itself: live streams. `take` is called once and must end the response. */
export class TakeOverReply {
  readonly take: (response: ServerResponse) => void;
  constructor(take: (response: ServerResponse) => void) {
    this.take = take;
  }
}

/** A refusal with its HTTP status and a code of docs/errors.md; sent as `application/problem+json`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[] | undefined;
  readonly position: number | undefined;
  /** Seconds, for a `Retry-After` header. */
  readonly retryAfter: number | undefined;
  constructor(
    status: number,
    code: string,
    detail: string,
    options: {
      readonly errors?: readonly { readonly path: string; readonly message: string }[];
      readonly position?: number;
      readonly retryAfter?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.errors = options.errors;
    this.position = options.position;
    this.retryAfter = options.retryAfter;
  }
}

export type Method = "get" | "post" | "put" | "patch" | "delete";

/**
 * One line of the route table: from it come the HTTP route, its checks, the OpenAPI document and the audit line.
 * Paths are under `/api/v1`, with `{name}` for parameters (percent-decoded before the handler sees them).
 */
export interface RouteDefinition {
  readonly method: Method;
  readonly path: `/${string}`;
  /** For the OpenAPI document: groups routes. */
  readonly tag: string;
  readonly summary: string;
  /** The least role that may. Unsafe methods are never a viewer's, but where `POST` only asks (a preview). */
  readonly role: Role;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly status?: 200 | 201 | 202;
  /** For those who have not logged in too: the login itself. `user` is then a nameless viewer. */
  readonly open?: true;
  /** The reply holds a secret: a repeat of its Idempotency-Key acts no more than any, but gets a 409 and not the reply. */
  readonly secretReply?: true;
  /** Most bytes its body may have; 1 MiB unless told. */
  readonly bodyLimitBytes?: number;
  /** Seconds after which `signal` aborts and the client is answered; 30 unless told. */
  readonly deadline?: number;
  /** Media type of a reply that is not JSON: streams and downloads. */
  readonly contentType?: string;
  /** Named in the audit line; required of unsafe methods. `target` says what it acts on, `parameters` default to the redacted body. */
  readonly audit?: {
    readonly action: string;
    target(request: RouteRequest<Readonly<Record<string, string>>, unknown, unknown>): string;
  };
}

export interface Route {
  readonly definition: RouteDefinition;
  handle(request: RouteRequest<unknown, unknown, unknown>): Promise<unknown>;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** Ties a definition to its handler, so that the handler's types come from the schemas. */
export function route<const D extends RouteDefinition>(
  definition: D,
  handle: (
    request: RouteRequest<Parsed<D["params"]>, Parsed<D["query"]>, Parsed<D["body"]>>,
  ) => Promise<z.input<D["response"]> | RouteReply | StreamReply | TakeOverReply>,
): Route {
  return {
    definition,
    // The registrar has parsed each by the very schema that its type comes from.
    handle: (request) => handle(request as RouteRequest<Parsed<D["params"]>, Parsed<D["query"]>, Parsed<D["body"]>>),
  };
}
