import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy whose connections can be cut. Closed when the test is over. */
export class CutProxy {
  readonly #sockets = new Set<Socket>();
  port = 0;

  static async to(host: string, port: number): Promise<CutProxy> {
    const proxy = new CutProxy();
    const server = createServer((near) => {
      const far = connect(port, host);
      for (const socket of [near, far]) {
        proxy.#sockets.add(socket);
        socket.on("close", () => {
          proxy.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
        // A cut is not a failure of the test.
        socket.on("error", () => undefined);
      }
      near.pipe(far);
      far.pipe(near);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address: AddressInfo | string | null = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    proxy.port = address.port;
    onTestFinished(() => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
