import { type BackoffPolicy, backoffDelay } from "../util/backoff.js";
import { sleep } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import { RedisError } from "./redis-error.js";
import { type Call, RedisLink } from "./redis-link.js";
import type { RedisTarget } from "./redis-url.js";

/** What a channel's listener is called with. `payload` is a list of keys, or null, on `__redis__:invalidate` only. */
export type MessageListener = (payload: Buffer | readonly Buffer[] | null, channel: string) => void;

/** Channels in one SUBSCRIBE when all are subscribed anew. */
const AT_ONCE = 1000;
/** Between tries to open: the first subscription may fall into an outage that other connections live through. */
const OPEN: BackoffPolicy = { initial: 0.05, max: 1 };

/**
 * The connection on which a process listens to channels. It subscribes anew by itself after a break, and then tells its listeners
 * (`onCaughtUp`), since what was published meanwhile went past.
 */
export class RedisSubscriber {
  readonly #link: RedisLink;
  readonly #socketTimeout: number;
  /** By channel, and by pattern. */
  readonly #channels = new Map<string, Set<MessageListener>>();
  readonly #patterns = new Map<string, Set<MessageListener>>();
  #clientId: number | undefined;

  constructor(target: RedisTarget, logger: Logger) {
    this.#socketTimeout = target.socketTimeout;
    this.#link = new RedisLink(target, {
      name: "subscriber",
      logger,
      prepare: (call) => this.#prepare(call),
      onMessage: (payload, channel, pattern) => this.#deliver(payload, channel, pattern),
    });
  }

  /** The server's number of this connection (CLIENT ID), for CLIENT TRACKING's REDIRECT; another one after each break. Undefined while there is none. */
  get clientId(): number | undefined {
    return this.#link.isReady ? this.#clientId : undefined;
  }

  /** Connects; while the server is away it tries again, for as long as a command would wait. Idempotent. */
  async open(): Promise<void> {
    const deadlineMs = performance.now() + this.#socketTimeout * 1000;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#link.open();
      } catch (error) {
        const passing = error instanceof RedisError && error.passing && !this.#link.isClosed;
        if (!passing || performance.now() >= deadlineMs) throw error;
        await sleep(backoffDelay(OPEN, attempt));
      }
    }
  }

  /** Settles when messages published from now on will arrive. The returned function ends it; meanwhile the process is kept alive. */
  subscribe(channel: string, listener: MessageListener): Promise<() => void> {
    return this.#listen(this.#channels, "subscribe", channel, listener);
  }

  /** As `subscribe`, for all channels that fit a glob pattern of Redis. */
  psubscribe(pattern: string, listener: MessageListener): Promise<() => void> {
    return this.#listen(this.#patterns, "psubscribe", pattern, listener);
  }

  /** Calls `listener` when the connection is there again and all channels are subscribed anew: what was published meanwhile was missed. */
  onCaughtUp(listener: () => void): () => void {
    return this.#link.onReady(listener);
  }

  onLost(listener: (error: RedisError) => void): () => void {
    return this.#link.onLost(listener);
  }

  close(): Promise<void> {
    this.#channels.clear();
    this.#patterns.clear();
    return this.#link.close();
  }

  async #listen(
    byName: Map<string, Set<MessageListener>>,
    command: "subscribe" | "psubscribe",
    name: string,
    listener: MessageListener,
  ): Promise<() => void> {
    await this.open();
    const listeners = byName.get(name) ?? new Set();
    // The same function may listen twice; each ends its own.
    const own: MessageListener = (payload, channel) => listener(payload, channel);
    byName.set(name, listeners.add(own));
    const release = this.#link.hold();
    const stop = (): void => {
      release();
      if (!listeners.delete(own) || listeners.size > 0 || byName.get(name) !== listeners) return;
      byName.delete(name);
      // Commands of one connection are carried out in their order: a later subscribe wins.
      if (this.#link.isReady)
        this.#link.call(`${command === "subscribe" ? "" : "p"}unsubscribe`, [name]).catch(() => undefined);
    };
    try {
      // Also for a further listener: the first one's may not have been answered yet.
      await this.#link.call(command, [name], { idempotent: true });
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  async #prepare(call: Call): Promise<void> {
    // A connection that has subscribed takes no other commands.
    const id = await call("client", ["ID"]).catch((error: unknown) => {
      if (error instanceof RedisError && error.kind === "refused") return undefined;
      throw error;
    });
    this.#clientId = typeof id === "number" ? id : undefined;
    await this.#subscribeAnew(call, "subscribe", [...this.#channels.keys()]);
    await this.#subscribeAnew(call, "psubscribe", [...this.#patterns.keys()]);
  }

  async #subscribeAnew(call: Call, command: string, names: readonly string[]): Promise<void> {
    for (let at = 0; at < names.length; at += AT_ONCE) await call(command, names.slice(at, at + AT_ONCE));
  }

  #deliver(payload: Buffer | readonly Buffer[] | null, channel: string, pattern: string | undefined): void {
    const listeners = pattern === undefined ? this.#channels.get(channel) : this.#patterns.get(pattern);
    if (!listeners) return;
    for (const listener of [...listeners]) listener(payload, channel);
  }
}
