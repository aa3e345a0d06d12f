import type { RedisServer } from "../../connections/redis.js";
import type { Logger } from "../../util/logger.js";

/** The channel on which RESP2 connections are told of changed keys. Source: redis.io/docs/latest/develop/reference/client-side-caching ("Two connections mode"). */
const INVALIDATED = "__redis__:invalidate";

/**
 * Tells when keys change, whoever changes them: CLIENT TRACKING, by which the server sends one notice to our listening connection on the
 * first change of a key that was read with it. So an idle consumer asks nothing, and is told at once.
 *
 * Opt-in: of all that the commands' connection reads, only what `look` reads is tracked.
 */
export class KeyWatch {
  readonly #server: RedisServer;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<() => void>>();
  #stops: (() => void)[] = [];
  #starting: Promise<void> | undefined;
  /** The listening connection that the server was told to notify. */
  #redirectedTo: number | undefined;
  #refused = false;

  constructor(server: RedisServer, logger: Logger) {
    this.#server = server;
    this.#logger = logger;
  }

  /** Idempotent. Rejects when the listening connection cannot be opened. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#listeners.clear();
  }

  /** Calls `listener` when one of the keys changes for the first time after it was looked at, or may have. The returned function ends it. */
  listen(keys: readonly string[], listener: () => void): () => void {
    for (const key of keys) this.#listeners.set(key, (this.#listeners.get(key) ?? new Set()).add(listener));
    return () => {
      for (const key of keys) {
        const listeners = this.#listeners.get(key);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#listeners.delete(key);
      }
    };
  }

  /**
   * Looks at the keys, so that their next change is told. What is sent after this call is carried out after it: whatever it does not see
   * will be told. Resolves with false when changes will not be told, now or on this server at all.
   */
  async look(keys: readonly string[]): Promise<boolean> {
    if (this.#refused || this.#redirectedTo === undefined || this.#redirectedTo !== this.#server.subscriber.clientId) {
      if (!this.#refused) void this.#track();
      return false;
    }
    try {
      const tracked = this.#server.call("client", ["CACHING", "YES"]);
      const [caching] = await Promise.all([tracked, this.#server.call("exists", keys)]);
      return caching === "OK";
    } catch {
      return false;
    }
  }

  async #start(): Promise<void> {
    const { subscriber, commands } = this.#server;
    const stop = await subscriber.subscribe(INVALIDATED, (keys) => this.#onInvalidated(keys));
    this.#stops.push(
      stop,
      subscriber.onCaughtUp(() => void this.#track()),
      subscriber.onLost(() => this.#forget()),
      commands.onLost(() => this.#forget()),
      commands.onReady(() => void this.#track()),
    );
    await this.#track();
  }

  #forget(): void {
    this.#redirectedTo = undefined;
  }

  async #track(): Promise<void> {
    const { clientId } = this.#server.subscriber;
    if (clientId === undefined || this.#refused) return;
    try {
      // Off first: what was redirected to a connection that is gone stays so otherwise.
      const off = this.#server.call("client", ["TRACKING", "OFF"]);
      const on = this.#server.call("client", ["TRACKING", "ON", "REDIRECT", clientId, "OPTIN"]);
      await Promise.all([off, on]);
      this.#redirectedTo = clientId;
    } catch (error) {
      if (!isRefusal(error)) return;
      this.#refused = true;
      this.#logger.warn(
        "this Redis does not tell of changes (CLIENT TRACKING): looking for messages every now and then",
        {
          error: String(error),
        },
      );
    }
    // Whatever changed meanwhile was not told.
    this.#tellAll();
  }

  #onInvalidated(keys: Buffer | readonly Buffer[] | null): void {
    // null: the whole database was emptied.
    if (!Array.isArray(keys)) return this.#tellAll();
    const told = new Set<() => void>();
    for (const key of keys) for (const listener of this.#listeners.get(String(key)) ?? []) told.add(listener);
    for (const listener of told) listener();
  }

  #tellAll(): void {
    for (const listener of new Set([...this.#listeners.values()].flatMap((each) => [...each]))) listener();
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "kind" in error && error.kind === "refused";
}
