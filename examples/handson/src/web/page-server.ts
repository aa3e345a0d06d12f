import { once } from "node:events";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { createRoutes, type RoutesDeps } from "./routes.js";

/** Serves the page on loopback, for whoever sits at this machine; it has no sign-in. */
export class PageServer {
  readonly #server: ReturnType<typeof createAdaptorServer>;

  constructor(deps: RoutesDeps) {
    this.#server = createAdaptorServer({ fetch: createRoutes(deps).fetch });
  }

  /** Starts listening on 127.0.0.1 and returns the address of the page. Rejects when the port is taken. */
  async start(port: number): Promise<string> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the page server is not listening");
    return `http://127.0.0.1:${address.port}/`;
  }

  /** Ends open connections too. Safe to call when not started. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    if (isHttpServer(this.#server)) this.#server.closeAllConnections();
    await closed;
  }
}

/** The adaptor may also make HTTP/2 servers, which close their connections otherwise. */
function isHttpServer(server: object): server is Server {
  return "closeAllConnections" in server;
}
