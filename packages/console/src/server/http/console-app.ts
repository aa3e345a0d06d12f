import { Hono } from "hono";
import type { Logger } from "lovage";
import type { Authenticator } from "../auth/authenticator.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type Route } from "../route.js";
import { API_READER_STYLE, apiReaderPage } from "./api-reader.js";
import { areaOf, type ConsoleContext, type ConsoleEnv } from "./console-env.js";
import type { IdempotentReplies } from "./idempotent-replies.js";
import { encodeJsonText } from "./json-text.js";
import { openApiDocument } from "./openapi.js";
import { flowerPageTarget } from "./page-paths.js";
import { problemHeaders, problemOf, refusalOf } from "./problem.js";
import { API_ROOT, registerRoutes } from "./register-routes.js";
import { RequestGuard } from "./request-guard.js";
import type { StaticPages } from "./static-pages.js";

export interface ConsoleAppOptions {
  readonly parts: ConsoleParts;
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  readonly idempotency: IdempotentReplies;
  readonly pages: StaticPages;
  readonly version: string;
  /**
   * Puts more routes at the root, before the pages (Flower's API, `/metrics`). They pass the same guards: unsafe ones need an operator,
   * an own origin and leave an audit line (fill in `context.get("note")`); safe ones ask for `userOf(context)` where they need one.
   */
  readonly extraRoutes?: (app: Hono<ConsoleEnv>) => void;
}

/** The console's HTTP: guards, API, health, documents, redirects, pages. Paths are matched without `--url-prefix`, and still encoded. */
export function consoleApp(options: ConsoleAppOptions): Hono<ConsoleEnv> {
  const { parts } = options;
  const { logger } = parts;
  const prefix = parts.options.urlPrefix;
  const app = new Hono<ConsoleEnv>({ getPath: (request) => pathWithin(prefix, request.url) });
  app.onError((error, context) => refuse(error, context, logger));
  const guard = new RequestGuard({
    options: parts.options,
    authenticator: options.authenticator,
    audit: parts.audit,
    logger,
  });
  for (const step of guard.steps) app.use(step);
  serveHealth(app, parts);
  serveDocuments(app, options);
  registerRoutes(app, options.routes, { parts, idempotency: options.idempotency });
  options.extraRoutes?.(app);
  app.all("*", (context) => serveRest(context, options.pages, prefix));
  return app;
}

/**
 * The path within the console, percent-encoded as it came: names with `%2F` stay one segment. Proxies may take the prefix off or leave
 * it on; both are understood.
 */
export function pathWithin(prefix: string, url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  const path = start < 0 ? "/" : end < 0 ? url.slice(start) : url.slice(start, start + end);
  if (prefix === "") return path;
  if (path === prefix) return "/";
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

function refuse(error: Error, context: ConsoleContext, logger: Logger): Response {
  const refusal = refusalOf(error, logger);
  context.set("refusal", refusal);
  // The one challenge that opens no window of the browser's own; Flower's clients expect none.
  const challenge = refusal.status === 401 && context.get("area") === "api" ? { "www-authenticate": "Bearer" } : {};
  return new Response(encodeJsonText(problemOf(refusal)), {
    status: refusal.status,
    headers: { ...problemHeaders(refusal), ...challenge, "cache-control": "no-store" },
  });
}

function serveHealth(app: Hono<ConsoleEnv>, parts: ConsoleParts): void {
  app.get("/healthz", () => plain("ok\n", 200));
  app.get("/readyz", async () => {
    const health = await parts.health.check();
    const isReady = health.store === null && health.broker === null;
    // Why is for those who may log in: anybody may ask this.
    const words = {
      store: health.store === null ? "ok" : "unavailable",
      broker: health.broker === null ? "ok" : "unavailable",
    };
    return new Response(encodeJsonText(words), {
      status: isReady ? 200 : 503,
      headers: { "content-type": "application/json" },
    });
  });
}

function serveDocuments(app: Hono<ConsoleEnv>, options: ConsoleAppOptions): void {
  const prefix = options.parts.options.urlPrefix;
  const document = openApiDocument(options.routes, { version: options.version, prefix });
  const json = encodeJsonText(document);
  const page = apiReaderPage(document, { prefix });
  app.get(`${API_ROOT}/openapi.json`, () => new Response(json, { headers: { "content-type": "application/json" } }));
  app.get("/api/docs", () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }));
  app.get(
    "/api/docs/style.css",
    () => new Response(API_READER_STYLE, { headers: { "content-type": "text/css; charset=utf-8" } }),
  );
}

/** What no route has answered: Flower's old pages, ours, and 404s in the form of whoever asks. */
function serveRest(context: ConsoleContext, pages: StaticPages, prefix: string): Response {
  const { method, path } = context.req;
  if (areaOf(path) !== "page") throw new ApiError(404, "not_found", `there is nothing at ${method} ${path}`);
  if (method !== "GET" && method !== "HEAD") {
    throw new ApiError(405, "method_not_allowed", `there is nothing to ${method} at ${path}`);
  }
  const target = flowerPageTarget(path);
  if (target !== undefined) return new Response(null, { status: 302, headers: { location: prefix + target } });
  return pages.serve(context);
}

function plain(text: string, status: number): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
