import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";

/**
 * What a proxy does with bytes:
 *
 * - `pass`: forwards them.
 * - `delay`: forwards each `delayMs` milliseconds after it came, both ways.
 * - `stall`: accepts connections and bytes, forwards nothing. What was held goes on its way when the mode changes.
 * - `one-way`: as `stall`, but one direction goes on.
 * - `refuse`: nobody listens, so that new connections are refused; those that are open go on.
 */
export type ProxyMode =
  | { readonly kind: "pass" | "stall" | "refuse" }
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "one-way"; readonly forwards: Direction };
export type Direction = "to-server" | "to-client";

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** Bytes that a lane keeps before it stops reading, as a network's buffers do. */
const LANE_LIMIT_BYTES = 16 * 1024 * 1024;
const PASS: ProxyMode = { kind: "pass" };

/**
 * A TCP proxy in front of a server that misbehaves on request, and can be told to at any time. What it forwards arrives complete and in
 * order, whatever the modes in between; only `cut` and `vanish` lose bytes, and these lose all that follow on that connection.
 */
export class TcpProxy {
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  #mode: ProxyMode = PASS;
  #server: Server | undefined;
  #port = 0;

  private constructor(target: ProxyTarget) {
    this.#target = target;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: ProxyTarget): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }
  get mode(): ProxyMode {
    return this.#mode;
  }
  /** Connections it knows, dead ones included. */
  get connections(): number {
    return this.#links.size;
  }

  /** The same URL by way of this proxy. */
  url(direct: string): string {
    const url = new URL(direct);
    url.hostname = "127.0.0.1";
    url.port = String(this.#port);
    return url.href;
  }

  /** Takes effect at once, also for what is held. Resolves when new connections meet the mode. */
  async use(mode: ProxyMode): Promise<void> {
    this.#mode = mode;
    if (mode.kind === "refuse") this.#unlisten();
    else await this.#listen();
    for (const link of this.#links) link.pump();
  }

  /** Ends all connections on both sides: at once with a reset (`rst`), or with a FIN. What is under way is lost. New ones are accepted. */
  cut(how: "rst" | "fin" = "rst"): void {
    for (const link of this.#links) link.cut(how);
  }

  /**
   * All connections of this moment go silent for good, on both sides: no byte, no FIN, no reset, as when a machine loses its power or a
   * firewall forgets a connection. New ones are as good as any.
   */
  vanish(): void {
    for (const link of this.#links) link.vanish();
  }

  async close(): Promise<void> {
    this.#unlisten();
    for (const link of this.#links) link.end("rst");
  }

  async #listen(): Promise<void> {
    if (this.#server) return;
    // Half-open is a state to be in on purpose: each FIN is forwarded as what it is.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy got no port");
    this.#port = address.port;
  }

  #unlisten(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #accept(client: Socket): void {
    const link = new Link(client, this.#target, () => this.#mode);
    this.#links.add(link);
    link.closed.then(
      () => this.#links.delete(link),
      () => this.#links.delete(link),
    );
  }
}

/** A client's connection and the one made to the server for it. */
class Link {
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: readonly Lane[];
  #vanished = false;

  constructor(client: Socket, target: ProxyTarget, mode: () => ProxyMode) {
    this.#client = client;
    this.#server = new Socket({ allowHalfOpen: true });
    this.#server.setNoDelay(true);
    this.#lanes = [
      new Lane(client, this.#server, "to-server", mode),
      new Lane(this.#server, client, "to-client", mode),
    ];
    this.closed = Promise.all([closed(client), closed(this.#server)]);
    client.once("close", (failed) => this.#follow(this.#server, failed));
    this.#server.once("close", (failed) => this.#follow(client, failed));
    this.#server.connect(target.port, target.host);
  }

  pump(): void {
    for (const lane of this.#lanes) lane.pump();
  }

  cut(how: "rst" | "fin"): void {
    if (!this.#vanished) this.end(how);
  }

  end(how: "rst" | "fin"): void {
    for (const lane of this.#lanes) lane.drop();
    for (const socket of [this.#client, this.#server]) {
      if (how === "rst") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  }

  vanish(): void {
    this.#vanished = true;
    for (const lane of this.#lanes) lane.drop();
  }

  /** One side is gone: with an error, or with a FIN each way. The other side hears of it, unless the connection has vanished. */
  #follow(other: Socket, failed: boolean): void {
    if (this.#vanished || other.destroyed) return;
    if (failed) other.resetAndDestroy();
  }
}

/** One direction of a connection: what came, in order, and when it may go. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #mode: () => ProxyMode;
  readonly #held: { readonly chunk: Buffer | "fin"; readonly at: number }[] = [];
  #heldBytes = 0;
  #dropped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, direction: Direction, mode: () => ProxyMode) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#mode = mode;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => this.#take("fin"));
    from.on("error", () => undefined);
    to.on("drain", () => this.pump());
    to.once("close", () => this.drop());
  }

  /** Forwards what may go now. */
  pump(): void {
    clearTimeout(this.#timer);
    const mode = this.#mode();
    if (mode.kind === "stall" || (mode.kind === "one-way" && mode.forwards !== this.#direction)) return;
    const delayMs = mode.kind === "delay" ? mode.delayMs : 0;
    for (let next = this.#held[0]; next && !this.#to.writableNeedDrain; next = this.#held[0]) {
      const early = next.at + delayMs - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(early));
        return;
      }
      this.#held.shift();
      this.#forward(next.chunk);
    }
    if (this.#heldBytes < LANE_LIMIT_BYTES && this.#from.isPaused()) this.#from.resume();
  }

  /** Loses what is held and what comes from now on. */
  drop(): void {
    this.#dropped = true;
    clearTimeout(this.#timer);
    this.#held.length = 0;
    this.#heldBytes = 0;
    this.#from.resume();
  }

  #take(chunk: Buffer | "fin"): void {
    if (this.#dropped) return;
    this.#held.push({ chunk, at: performance.now() });
    if (chunk !== "fin") this.#heldBytes += chunk.length;
    if (this.#heldBytes >= LANE_LIMIT_BYTES) this.#from.pause();
    this.pump();
  }

  #forward(chunk: Buffer | "fin"): void {
    if (chunk === "fin") {
      this.#to.end();
      return;
    }
    this.#heldBytes -= chunk.length;
    this.#to.write(chunk);
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}
