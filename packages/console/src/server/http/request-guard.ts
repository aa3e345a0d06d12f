import type { MiddlewareHandler } from "hono";
import type { Logger } from "lovage";
import { maskUrls } from "lovage/internal";
import type { AuditTrail } from "../audit/audit-trail.js";
import type { Authenticator, Identity } from "../auth/authenticator.js";
import { requireRole } from "../auth/require-role.js";
import { isLoopbackHost } from "../auth/session-cookie.js";
import type { ConsoleOptions } from "../console-options.js";
import { ApiError, type User } from "../route.js";
import { areaOf, type ConsoleContext, type ConsoleEnv, isUnsafe } from "./console-env.js";

export interface RequestGuardParts {
  readonly options: ConsoleOptions;
  readonly authenticator: Authenticator;
  readonly audit: AuditTrail;
  readonly logger: Logger;
}

/**
 * What every request passes, whichever route it is for, and those that others put at the root too: the audit line, the `Host` check, the
 * rules against requests forged by other pages (CSRF), CORS, and who asks.
 */
export class RequestGuard {
  readonly #options: ConsoleOptions;
  readonly #authenticator: Authenticator;
  readonly #audit: AuditTrail;
  readonly #logger: Logger;
  readonly #corsOrigins: ReadonlySet<string>;

  constructor(parts: RequestGuardParts) {
    this.#options = parts.options;
    this.#authenticator = parts.authenticator;
    this.#audit = parts.audit;
    this.#logger = parts.logger;
    this.#corsOrigins = new Set(parts.options.corsOrigins);
  }

  /** In this order; the audit line is around all others, so that refusals have one too. */
  get steps(): readonly MiddlewareHandler<ConsoleEnv>[] {
    return [
      (context, next) => this.#noteRequest(context, next),
      (context, next) => this.#writeAudit(context, next),
      (context, next) => this.#guard(context, next),
    ];
  }

  async #noteRequest(context: ConsoleContext, next: () => Promise<void>): Promise<void> {
    const { method, path, raw } = context.req;
    context.set("area", areaOf(path));
    context.set(
      "address",
      this.#authenticator.clientAddress({ headers: raw.headers, socketAddress: socketAddress(context) }),
    );
    context.set("identity", undefined);
    context.set("refusal", undefined);
    context.set("identify", this.#identifyOnce(context));
    context.set("note", { action: `${method} ${path}`, target: "", parameters: {} });
    await next();
  }

  /** One line for each unsafe request. The reply waits for it; one that cannot be written is logged, since what was done is done. */
  async #writeAudit(context: ConsoleContext, next: () => Promise<void>): Promise<void> {
    await next();
    if (!isUnsafe(context.req.method)) return;
    const note = context.get("note");
    const user = context.get("identity")?.user;
    const line = {
      user: user?.name ?? "",
      role: user?.role ?? "",
      via: user?.via ?? viaOfStranger(context),
      address: context.get("address"),
      ...note,
      action: maskUrls(note.action),
      outcome: note.outcome ?? outcomeOf(context),
    };
    try {
      await this.#audit.write(line);
    } catch (error) {
      const { parameters: _, ...plain } = line;
      this.#logger.error("a line could not be written to the audit trail", { ...plain, error });
    }
  }

  async #guard(context: ConsoleContext, next: () => Promise<void>): Promise<Response | undefined> {
    this.#checkHost(context);
    if (this.#answerCors(context)) return new Response(null, { status: 204 });
    const unsafe = isUnsafe(context.req.method);
    if (unsafe) await this.#checkOrigin(context);
    else this.#checkReader(context);
    // Pages hold nothing secret and must open while the store is away: only what asks is looked up.
    if (unsafe || context.get("area") !== "page") await identityOf(context);
    // The table has a role for each of its routes; what others put at the root cannot forget one.
    if (unsafe && context.get("area") !== "api") requireRole(await userOf(context), "operator");
    await next();
    return undefined;
  }

  /** Without logins the browser's own rules are all there is: a name that a stranger's DNS points at this machine must not get in. */
  #checkHost(context: ConsoleContext): void {
    if (this.#options.auth !== "none") return;
    const host = context.req.header("host") ?? "";
    if (!isLoopbackHost(host)) {
      throw new ApiError(
        403,
        "wrong_host",
        `without logins the console answers to localhost only, not to ${JSON.stringify(host)}`,
      );
    }
  }

  /** Pages of listed origins may read, with a token of their own: cookies are not for them, nor is anything that acts. */
  #answerCors(context: ConsoleContext): boolean {
    const origin = context.req.header("origin");
    if (this.#corsOrigins.size === 0) return false;
    const { outgoing } = context.env;
    outgoing.setHeader("vary", "Origin");
    if (origin === undefined || !this.#corsOrigins.has(origin)) return false;
    outgoing.setHeader("access-control-allow-origin", origin);
    if (context.req.method !== "OPTIONS" || context.req.header("access-control-request-method") === undefined)
      return false;
    outgoing.setHeader("access-control-allow-methods", "GET, HEAD");
    outgoing.setHeader("access-control-allow-headers", "Authorization, Last-Event-ID");
    outgoing.setHeader("access-control-max-age", "600");
    return true;
  }

  /** console.md §5, CSRF. Whoever's browser it was is named in the audit line. */
  async #checkOrigin(context: ConsoleContext): Promise<void> {
    const refusal = this.#originRefusal(context);
    if (refusal === undefined) return;
    await identityOf(context).catch(() => undefined);
    throw refusal;
  }

  /**
   * Questions may cost a lot, and some disturb what they look at (a look into a queue): another page must not ask them with an `<img>`,
   * though it could not read the answers. Links from anywhere to pages, and what a person types, work.
   */
  #checkReader(context: ConsoleContext): void {
    const site = context.req.header("sec-fetch-site");
    if (context.get("area") === "page" || site === undefined || site === "same-origin" || site === "none") return;
    if (this.#corsOrigins.has(context.req.header("origin") ?? "")) return;
    throw crossSite(`a page of another origin may not ask this (Sec-Fetch-Site: ${site}): see consoleCorsOrigins`);
  }

  #originRefusal(context: ConsoleContext): ApiError | undefined {
    const site = context.req.header("sec-fetch-site");
    if (site !== undefined) {
      return site === "same-origin"
        ? undefined
        : crossSite(`a page of another origin may not do this (Sec-Fetch-Site: ${site})`);
    }
    const origin = context.req.header("origin");
    if (origin !== undefined) {
      return this.#isOwnOrigin(origin, context)
        ? undefined
        : crossSite(`a page of ${JSON.stringify(origin)} may not do this`);
    }
    if (this.#options.auth === "none") return undefined;
    if (/^(basic|bearer) +\S/i.test(context.req.header("authorization") ?? "")) return undefined;
    return crossSite("requests without Sec-Fetch-Site and Origin need an Authorization header, Basic or Bearer");
  }

  #isOwnOrigin(origin: string, context: ConsoleContext): boolean {
    const viaProxy = this.#authenticator.proxies.has(socketAddress(context));
    const host = (viaProxy ? context.req.header("x-forwarded-host") : undefined) ?? context.req.header("host");
    const scheme = viaProxy ? context.req.header("x-forwarded-proto") : undefined;
    // Behind a proxy that is not trusted the scheme cannot be known: either may be our own.
    const own = scheme === undefined ? [`http://${host}`, `https://${host}`] : [`${scheme}://${host}`];
    return own.map((each) => each.toLowerCase()).includes(origin.toLowerCase());
  }

  #identifyOnce(context: ConsoleContext): () => Promise<Identity | undefined> {
    let found: Promise<Identity | undefined> | undefined;
    return () => {
      found ??= this.#authenticator.identify({
        headers: context.req.raw.headers,
        socketAddress: socketAddress(context),
        isFlower: context.get("area") === "flower",
      });
      return found;
    };
  }
}

/** Who asks; looked up once a request. Undefined for a stranger. Throws an `ApiError` (401, 429) for credentials that are wrong. */
export async function identityOf(context: ConsoleContext): Promise<Identity | undefined> {
  const identity = await context.get("identify")();
  context.set("identity", identity);
  return identity;
}

/** Who asks, for routes that strangers may not use. Throws a 401. */
export async function userOf(context: ConsoleContext): Promise<User> {
  const identity = await identityOf(context);
  if (identity === undefined) throw new ApiError(401, "unauthenticated", "log in first, or send a token");
  return identity.user;
}

function crossSite(detail: string): ApiError {
  return new ApiError(403, "cross_site", detail);
}

function socketAddress(context: ConsoleContext): string {
  return context.env.incoming.socket.remoteAddress ?? "";
}

function viaOfStranger(context: ConsoleContext): "page" | "api" | "flower" {
  if (context.get("area") === "flower") return "flower";
  return context.req.header("sec-fetch-site") === undefined ? "api" : "page";
}

function outcomeOf(context: ConsoleContext): string {
  const refusal = context.get("refusal");
  const status = refusal?.status ?? context.res.status;
  if (status < 400) return "done";
  return `${status >= 500 ? "failed" : "refused"}: ${refusal?.code ?? status}`;
}
