import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ConfigurationError } from "../errors.js";
import type { Logger } from "../util/logger.js";
import { maskUrls } from "../util/secrets.js";
import type { Service } from "../util/service.js";
import type { Readiness } from "./readiness.js";

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** The worker's node name. */
  readonly hostname: string;
  readonly readiness: Readiness;
  readonly logger: Logger;
}

/** Milliseconds for a request to arrive whole, and for a connection without one. */
const REQUEST_TIMEOUT_MS = 5000;
/** Bytes of a request's head. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 64;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Answers over HTTP how a worker is, for supervisors such as Kubernetes:
 *
 *   GET /healthz   200 {"status": "alive", "worker"}          the process is alive and its main thread free
 *   GET /readyz    200 {"status": "ready", "worker"}          it takes messages from its queues
 *                  503 {"status": "not ready", "worker", "reasons": [text]}
 *
 * Says nothing that is secret, takes no body, and holds nobody longer than a few seconds.
 */
export class HealthServer implements Service {
  readonly #options: HealthServerOptions;
  #server: Server | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: HealthServerOptions) {
    this.#options = options;
  }

  /** Where it answers, as in `http://127.0.0.1:8081`; undefined while it does not. */
  get url(): string | undefined {
    const address = this.#server?.address();
    if (typeof address !== "object" || address === null) return undefined;
    const { host } = this.#options;
    return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  }

  /** Rejects with a `ConfigurationError` (`health_port_taken`) when it cannot have its port. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    if (this.#stopping) return;
    const { host, port, logger } = this.#options;
    const server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: REQUEST_TIMEOUT_MS,
        // How often the two above are looked at: by default only every 30 s.
        connectionsCheckingInterval: 1000,
        maxHeaderSize: MAX_HEAD_BYTES,
      },
      (request, response) => void this.#respond(request, response),
    );
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(cannotListen(error, host, port)));
      server.listen(port, host, resolve);
    });
    server.on("error", (error) => logger.warn("the health server met an error", { error: String(error) }));
    this.#server = server;
    logger.info("health is told over HTTP", { url: this.url });
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#answer(request);
    const text = `${JSON.stringify({ ...body, worker: this.#options.hostname })}\n`;
    response.writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(status === 405 && { allow: "GET, HEAD" }),
      // What else was sent is not read.
      ...(status >= 400 && status < 500 && { connection: "close" }),
    });
    response.end(request.method === "HEAD" ? undefined : text);
  }

  async #answer({ method, url = "/" }: IncomingMessage): Promise<Answer> {
    const path = url.split("?", 1)[0];
    if (path !== "/healthz" && path !== "/readyz") return { status: 404, body: { status: "no such page" } };
    if (method !== "GET" && method !== "HEAD") return { status: 405, body: { status: "GET and HEAD only" } };
    if (path === "/healthz") return { status: 200, body: { status: "alive" } };
    const reasons = (await this.#options.readiness.reasons()).map(maskUrls);
    if (reasons.length === 0) return { status: 200, body: { status: "ready" } };
    return { status: 503, body: { status: "not ready", reasons } };
  }
}

function cannotListen(error: Error, host: string, port: number): ConfigurationError {
  return new ConfigurationError(`workerHealthPort: cannot listen on ${host}:${port}: ${error.message}`, {
    code: "health_port_taken",
    cause: error,
  });
}
