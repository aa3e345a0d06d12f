import type { z } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { BrokerConnectionError } from "lovage";
import { withDeadline } from "lovage/internal";
import { nameOfSegment } from "../../api/path-names.js";
import { requireRole } from "../auth/require-role.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type Route, type RouteDefinition, type RouteRequest, type User } from "../route.js";
import { auditOutcome } from "./audit-outcome.js";
import type { ConsoleContext, ConsoleEnv } from "./console-env.js";
import type { IdempotentReplies, StoredReply, UnsettledReply } from "./idempotent-replies.js";
import { encodeJsonText } from "./json-text.js";
import { jsonBodyOf, parseWith, queryOf } from "./parse-request.js";
import { problemHeaders, problemOf, refusalOf } from "./problem.js";
import { replyWith, storableReply } from "./reply.js";
import { identityOf, userOf } from "./request-guard.js";

/** Where the API of the route table is. */
export const API_ROOT = "/api/v1";
const DEADLINE_SECONDS = 30;
/** Between telling a handler to stop and answering without it. */
const GRACE_SECONDS = 2;

export interface RegisterRoutesOptions {
  readonly parts: ConsoleParts;
  readonly idempotency: IdempotentReplies;
}

/** Puts the route table on `app`: each route with its role, parsing, idempotency, deadline and audit note. */
export function registerRoutes(app: Hono<ConsoleEnv>, routes: readonly Route[], options: RegisterRoutesOptions): void {
  for (const route of mostSpecificFirst(routes)) {
    const { method, path } = route.definition;
    app.on(method.toUpperCase(), routerPath(path), (context) => serve(route, context, options));
  }
}

/** `/tasks/{id}` as the router writes it. */
function routerPath(path: string): string {
  return API_ROOT + path.replace(/\{([^}]+)\}/g, ":$1");
}

/** `/schedules/preview` before `/schedules/{id}`, whatever the table's order. */
function mostSpecificFirst(routes: readonly Route[]): readonly Route[] {
  // "{" sorts behind every character that a fixed segment begins with.
  return [...routes].sort((a, b) =>
    a.definition.path < b.definition.path ? -1 : a.definition.path > b.definition.path ? 1 : 0,
  );
}

async function serve(route: Route, context: ConsoleContext, options: RegisterRoutesOptions): Promise<Response> {
  const { definition } = route;
  const note = context.get("note");
  const params = paramsOf(definition, context);
  note.action = definition.audit?.action ?? `${definition.method.toUpperCase()} ${definition.path}`;
  note.target = Object.values(params).join(" ");
  const user = await allowedUser(definition, context);
  const request = await readRequest(definition, params, user, context, options.parts);
  if (definition.audit !== undefined) {
    note.target = definition.audit.target({ ...request, params });
    note.parameters = request.body ?? request.query;
  }
  // A stranger has no name that a key could belong to.
  const takesKey = definition.method === "post" && definition.open === undefined;
  const key = takesKey ? context.req.header("idempotency-key") : undefined;
  if (key !== undefined) return serveOnce(route, request, key, context, options);
  const reply = await handle(route, request);
  note.outcome = auditOutcome(reply) ?? note.outcome;
  return replyWith(reply, definition.status ?? 200, context, request.signal);
}

/** The first reply for the key is kept as the client got it, refusals included. */
async function serveOnce(
  route: Route,
  request: RouteRequest<unknown, unknown, unknown>,
  key: string,
  context: ConsoleContext,
  { idempotency, parts }: RegisterRoutesOptions,
): Promise<Response> {
  const { definition } = route;
  const note = context.get("note");
  const content = encodeJsonText([context.req.path, request.query, request.body]);
  const scope = { user: request.user.name, route: `${definition.method} ${definition.path}`, key, content };
  const refuse = (error: unknown): StoredReply | UnsettledReply => {
    const refusal = refusalOf(error, parts.logger);
    context.set("refusal", refusal);
    const reply = refusalReply(refusal);
    return mayHaveActed(refusal) ? { ...reply, settles: Promise.resolve(undefined) } : reply;
  };
  const replyOf = (result: unknown): StoredReply => storableReply(result, definition.status ?? 200);
  const work = async (): Promise<StoredReply | UnsettledReply> => {
    const { done, inTime } = begin(route, request);
    try {
      const result = await inTime;
      note.outcome = auditOutcome(result) ?? note.outcome;
      return replyOf(result);
    } catch (error) {
      if (!isTooLate(error)) return refuse(error);
      // It goes on: what it comes to is for those who ask again.
      const settles = done.then(replyOf, (later: unknown) => {
        const refusal = refusalOf(later, parts.logger);
        return mayHaveActed(refusal) ? undefined : refusalReply(refusal);
      });
      return { ...refuse(error), settles };
    }
  };
  const kept = definition.secretReply ? keptSecret : undefined;
  const { reply, again } = await idempotency.once(scope, work, kept);
  if (again) note.outcome = `answered as before (${reply.status})`;
  return fromStored(reply, again);
}

/** Time that was over before the handler, or a broker that did not answer: what was asked of it may have been done. */
function mayHaveActed({ status, cause }: ApiError): boolean {
  return status === 504 || cause instanceof BrokerConnectionError;
}

function refusalReply(refusal: ApiError): StoredReply {
  return { status: refusal.status, headers: problemHeaders(refusal), body: encodeJsonText(problemOf(refusal)) };
}

/** What is kept of a reply that holds a secret: that it was given. */
function keptSecret(reply: StoredReply): StoredReply {
  if (reply.status >= 400) return reply;
  return refusalReply(
    new ApiError(
      409,
      "shown_once",
      "this was done before under the same Idempotency-Key, and its reply was shown once",
    ),
  );
}

function fromStored(reply: StoredReply, again: boolean): Response {
  const headers = { ...reply.headers, ...(again ? { "idempotent-replayed": "true" } : {}) };
  return new Response(reply.body === "" ? null : reply.body, { status: reply.status, headers });
}

/** The names in the path, decoded: `celery%40a%2Fb` is `celery@a/b`, `~..` is `..`. */
function paramsOf(definition: RouteDefinition, context: ConsoleContext): Readonly<Record<string, string>> {
  const names = [...definition.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name ?? "");
  return Object.fromEntries(names.map((name) => [name, nameOfSegment(context.req.param(name) ?? "")]));
}

async function allowedUser(definition: RouteDefinition, context: ConsoleContext): Promise<User> {
  if (definition.open) return (await identityOf(context))?.user ?? stranger(context);
  const user = await userOf(context);
  requireRole(user, definition.role);
  return user;
}

function stranger(context: ConsoleContext): User {
  return { name: "", role: "viewer", seesPayloads: false, via: "api", address: context.get("address") };
}

async function readRequest(
  definition: RouteDefinition,
  params: Readonly<Record<string, string>>,
  user: User,
  context: ConsoleContext,
  parts: ConsoleParts,
): Promise<RouteRequest<unknown, unknown, unknown>> {
  const readBody = async (schema: z.ZodType): Promise<unknown> =>
    parseWith(schema, await jsonBodyOf(context, definition.bodyLimitBytes), "body");
  return {
    parts,
    user,
    params: definition.params === undefined ? params : parseWith(definition.params, params, "path"),
    query: definition.query === undefined ? undefined : parseWith(definition.query, queryOf(context), "query"),
    body: definition.body === undefined ? undefined : await readBody(definition.body),
    signal: context.req.raw.signal,
    headers: context.req.raw.headers,
    stillAllowed: context.get("identity")?.stillAllowed ?? (async () => true),
  };
}

/** Runs the handler until the client is gone or its time is over. */
async function handle(route: Route, request: RouteRequest<unknown, unknown, unknown>): Promise<unknown> {
  return await begin(route, request).inTime;
}

/** `inTime` rejects when the time is over; `done` is what the handler comes to, which may go on. */
function begin(
  route: Route,
  request: RouteRequest<unknown, unknown, unknown>,
): { readonly done: Promise<unknown>; readonly inTime: Promise<unknown> } {
  const seconds = route.definition.deadline ?? DEADLINE_SECONDS;
  const late = new AbortController();
  const tooLate = (): ApiError =>
    new ApiError(504, "deadline_exceeded", `this was not done within ${seconds} s; it may go on`);
  const timer = setTimeout(() => late.abort(tooLate()), seconds * 1000);
  const signal = AbortSignal.any([request.signal, late.signal]);
  const done = route.handle({ ...request, signal });
  const inTime = withDeadline(done, seconds + GRACE_SECONDS, tooLate).finally(() => clearTimeout(timer));
  return { done, inTime };
}

function isTooLate(error: unknown): boolean {
  return error instanceof ApiError && error.code === "deadline_exceeded";
}
