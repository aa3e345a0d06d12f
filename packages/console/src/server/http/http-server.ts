import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { ConfigurationError, type Logger } from "lovage";
import type { ConsoleEnv } from "./console-env.js";
import { setSecurityHeaders } from "./security-headers.js";

/** How long replies under way may go on once the console stops. */
const STOP_SECONDS = 5;
/** A connection on which nothing moves either way; live streams say something every 15 s. */
const IDLE_MS = 120_000;
const HEADERS_MS = 20_000;
/** For a whole request to arrive, so that nobody holds sockets open a byte at a time. */
const REQUEST_MS = 60_000;

/** The console's sockets. */
export class HttpServer {
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;

  constructor(options: {
    readonly app: Hono<ConsoleEnv>;
    readonly host: string;
    readonly port: number;
    readonly logger: Logger;
  }) {
    this.#host = options.host;
    this.#port = options.port;
    const listen = getRequestListener(options.app.fetch, {
      // The app's program may run in this process, and keeps its own `Request` and `Response`.
      overrideGlobalObjects: false,
      errorHandler: (error) => {
        options.logger.warn("a request could not be answered", { error });
        return new Response(null, { status: 400 });
      },
    });
    this.#server = createServer((request, response) => {
      setSecurityHeaders(response);
      if (request.url?.includes("/api/") === true) response.setHeader("cache-control", "no-store");
      listen(request, response).catch((error: unknown) => {
        options.logger.warn("a connection broke while it was answered", { error });
        response.destroy();
      });
    });
    this.#server.headersTimeout = HEADERS_MS;
    this.#server.requestTimeout = REQUEST_MS;
    this.#server.setTimeout(IDLE_MS);
  }

  /** Resolves with the port. Rejects with a `ConfigurationError` when the address cannot be had. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, this.#host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new ConfigurationError(`the console cannot listen on ${this.#host}:${this.#port}: ${why}`, {
        code: "console_cannot_listen",
        cause: error,
      });
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#port;
  }

  /** Takes no more requests, lets those under way end, and cuts off what has not after five seconds. Streams are ended before. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_SECONDS * 1000);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    clearTimeout(timer);
  }
}
