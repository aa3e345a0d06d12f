import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy that misbehaves on request: it cuts, swallows, or turns away. Closed when the test is over. */
export class StallProxy {
  readonly #server: Server;
  /** Both ends of each connection. */
  readonly #sockets = new Set<Socket>();
  /** The ends at the server. */
  readonly #far = new Set<Socket>();
  #refuses = false;
  #hangs = false;
  port = 0;

  static async to(target: string): Promise<StallProxy> {
    const { hostname, port } = new URL(target);
    const proxy = new StallProxy(hostname, Number(port));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    proxy.port = address.port;
    onTestFinished(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      if (this.#refuses) {
        near.destroy();
        return;
      }
      const far = connect(port, host);
      this.#far.add(far);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          this.#far.delete(socket);
          near.destroy();
          far.destroy();
        });
        // A cut is not a failure of the test.
        socket.on("error", () => undefined);
      }
      if (this.#hangs) return;
      near.pipe(far);
      far.pipe(near);
    });
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Connections there are stay open and carry nothing any more; new ones work. */
  swallow(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** From now on, connections there are and new ones are open and carry nothing; or new ones work again, and those there are stay dead. */
  hang(hangs: boolean): void {
    this.#hangs = hangs;
    if (hangs) this.swallow();
  }

  /** What connections there are ask still arrives; no answer does. */
  swallowAnswers(): void {
    for (const far of this.#far) far.unpipe().pause();
  }

  /** From now on, new connections are ended at once, or not any more. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
  }
}
