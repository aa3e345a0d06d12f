import type { Hono } from "hono";
import type { Service } from "lovage/internal";
import { Authenticator } from "../auth/authenticator.js";
import type { LoginThrottle } from "../auth/login-throttle.js";
import type { SseHub } from "../live/sse-hub.js";
import type { ConsoleParts } from "../parts.js";
import type { Route } from "../route.js";
import { consoleVersion } from "../version.js";
import { consoleApp } from "./console-app.js";
import type { ConsoleEnv } from "./console-env.js";
import { Housekeeping } from "./housekeeping.js";
import { HttpServer } from "./http-server.js";
import { IdempotentReplies } from "./idempotent-replies.js";
import { StaticPages } from "./static-pages.js";

export interface ConsoleHttpOptions {
  readonly parts: ConsoleParts;
  readonly hub: SseHub;
  readonly throttle: LoginThrottle;
  readonly routes: readonly Route[];
  /** See `ConsoleAppOptions.extraRoutes`. */
  readonly extraRoutes?: (app: Hono<ConsoleEnv>) => void;
  /** Folder of the built pages. @default the package's own */
  readonly webRoot?: string;
}

/** Serves the parts: opens what requests need of the store, listens, and ends streams before it stops. */
export class ConsoleHttp {
  readonly #options: ConsoleHttpOptions;
  readonly #authenticator: Authenticator;
  readonly #idempotency: IdempotentReplies;
  readonly #housekeeping: Service;
  #server: HttpServer | undefined;
  #forget: (() => void) | undefined;

  /** Throws a `ConfigurationError` for addresses of proxies that are none. */
  constructor(options: ConsoleHttpOptions) {
    const { parts, throttle } = options;
    const { database, logger, accounts } = parts;
    this.#options = options;
    this.#authenticator = new Authenticator({ options: parts.options, accounts, logins: parts.logins });
    this.#idempotency = new IdempotentReplies({ database, logger });
    this.#housekeeping = new Housekeeping({
      logger,
      sweeps: {
        sessions: () => accounts.sessions.sweep(),
        "wrong logins": () => throttle.sweep(),
        "replies for Idempotency-Keys": () => this.#idempotency.sweep(),
      },
    });
  }

  /** Makes the tables; the database is open by then. Throws a `ConfigurationError` for a console that nobody or everybody could use. */
  async prepare(): Promise<void> {
    const { parts, throttle } = this.#options;
    await parts.accounts.open();
    this.#authenticator.checkSetup();
    await Promise.all([throttle.open(), parts.views.open(), parts.audit.open(), this.#idempotency.open()]);
  }

  /** Listens; resolves with the address for a browser. */
  async start(): Promise<{ readonly url: string }> {
    const { parts, hub, webRoot } = this.#options;
    const { host, port, urlPrefix } = parts.options;
    const pages = new StaticPages({ urlPrefix, ...(webRoot === undefined ? {} : { root: webRoot }) });
    await pages.load();
    const app = consoleApp({
      ...this.#options,
      pages,
      authenticator: this.#authenticator,
      idempotency: this.#idempotency,
      version: consoleVersion(),
    });
    this.#server = new HttpServer({ app, host, port, logger: parts.logger });
    const actualPort = await this.#server.start();
    this.#forget = parts.accounts.onChange(() => void hub.endForbidden());
    await this.#housekeeping.start();
    return { url: `http://${urlHost(host)}:${actualPort}${urlPrefix}/` };
  }

  /** Ends streams, lets replies under way end, and closes the sockets. Idempotent. */
  async stop(): Promise<void> {
    this.#forget?.();
    this.#options.hub.stop();
    await this.#server?.stop();
    await this.#housekeeping.stop();
  }
}

/** What a browser on this machine can open: everywhere is also here. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
