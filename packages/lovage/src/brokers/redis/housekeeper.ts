import type { RedisServer } from "../../connections/redis.js";
import { BrokerConnectionError } from "../../errors.js";
import { newId } from "../../util/ids.js";
import type { Logger } from "../../util/logger.js";
import { restoreAbandoned } from "./abandoned.js";
import type { RedisConsumer } from "./consumer.js";
import type { KeyWatch } from "./key-watch.js";
import { timeKeys } from "./keys.js";
import type { RedisTransport } from "./options.js";
import { listOf, numberOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";

export interface HousekeeperParts {
  readonly server: RedisServer;
  readonly scripts: BrokerScripts;
  readonly transport: RedisTransport;
  readonly watch: KeyWatch;
  readonly consumers: ReadonlySet<RedisConsumer>;
  readonly logger: Logger;
}

/** Milliseconds between rounds at most: a net for what nobody told. */
const ROUND_MS = 3000;
/** Milliseconds between rounds at least, however much falls due. */
const SHORTEST_MS = 5;
/** Milliseconds that a consumer counts as there after it last said so. */
const PRESENCE_MS = 15_000;
const PRESENCE_EVERY_MS = 5000;
/** Milliseconds between looks for what Python workers abandoned. kombu looks every 100 seconds. */
const ABANDONED_EVERY_MS = 10_000;
const EVICTION_EVERY_MS = 30_000;

const VANISHED =
  "messages that were held have vanished from Redis: were keys evicted, or did a Python worker restore them?";

/**
 * Gives back what holders lost and moves what is due, of every queue of this Redis, at the instant it is time; and keeps the house: tells
 * which consumers are there, and restores what Python workers abandoned. Each process with consumers has one, and they do not disturb
 * each other.
 */
export class Housekeeper {
  readonly #parts: HousekeeperParts;
  readonly #keys: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #running = false;
  #tending = false;
  #again = false;
  #presenceMs = Number.NEGATIVE_INFINITY;
  #abandonedMs = Number.NEGATIVE_INFINITY;
  #restoring = false;
  #evictionMs = Number.NEGATIVE_INFINITY;
  /** The server's count at the last look. */
  #evicted: number | undefined;

  constructor(parts: HousekeeperParts) {
    this.#parts = parts;
    this.#keys = timeKeys(parts.transport);
  }

  /** Idempotent. Its timers do not keep the process alive. */
  start(): void {
    if (this.#running) return this.wake();
    this.#running = true;
    this.#stopListening = this.#parts.watch.listen(this.#keys, () => this.wake());
    this.wake();
  }

  stop(): void {
    this.#running = false;
    this.#stopListening?.();
    clearTimeout(this.#timer);
  }

  /** Tells now that a consumer has come. */
  async announce(consumer: RedisConsumer): Promise<void> {
    await this.#parts.scripts.run("presence", [consumer.id, PRESENCE_MS, ...consumer.queues], { idempotent: true });
  }
  /** It is forgotten by itself if this fails. */
  async farewell(consumer: RedisConsumer): Promise<void> {
    await this.#parts.scripts
      .run("presence", [consumer.id, 0, ...consumer.queues], { idempotent: true })
      .catch(() => undefined);
  }

  /** Something may be due earlier than was known. */
  wake(): void {
    if (!this.#running) return;
    if (this.#tending) this.#again = true;
    else void this.#round();
  }

  async #round(): Promise<void> {
    this.#tending = true;
    clearTimeout(this.#timer);
    let waitMs = ROUND_MS;
    try {
      const nowMs = performance.now();
      await this.#tellPresence(nowMs);
      void this.#restore(nowMs);
      void this.#lookForEviction(nowMs);
      void this.#parts.watch.look(this.#keys);
      const [now, next, gone] = listOf(await this.#parts.scripts.run("tend", []));
      if (Number(gone) > 0) this.#parts.logger.error(VANISHED, { count: gone });
      const nextMs = numberOf(next);
      // One more: the next round must not be a fraction too early.
      if (nextMs !== undefined) waitMs = Math.min(ROUND_MS, Math.max(SHORTEST_MS, nextMs - (numberOf(now) ?? 0) + 1));
    } catch (error) {
      // The connection says itself that it was lost.
      if (!(error instanceof BrokerConnectionError))
        this.#parts.logger.warn("could not look for messages that are due or were lost", { error: String(error) });
    }
    this.#tending = false;
    if (!this.#running) return;
    if (this.#again) waitMs = SHORTEST_MS;
    this.#again = false;
    this.#timer = setTimeout(() => void this.#round(), waitMs).unref();
  }

  async #tellPresence(nowMs: number): Promise<void> {
    if (nowMs - this.#presenceMs < PRESENCE_EVERY_MS) return;
    this.#presenceMs = nowMs;
    await Promise.all([...this.#parts.consumers].map((consumer) => this.announce(consumer)));
  }

  /** A server that drops keys when its memory is full drops messages, and says so nowhere but here. */
  async #lookForEviction(nowMs: number): Promise<void> {
    if (nowMs - this.#evictionMs < EVICTION_EVERY_MS) return;
    this.#evictionMs = nowMs;
    const { server, logger } = this.#parts;
    // A user without the right to ask sees no alarm.
    const info = await server.call("info", ["stats"]).catch(() => "");
    const [, count] = /^evicted_keys:(\d+)/m.exec(String(info)) ?? [];
    if (count === undefined) return;
    const evicted = Number(count);
    if (this.#evicted !== undefined && evicted > this.#evicted)
      logger.error(
        "Redis has dropped keys because its memory is full, messages perhaps among them: set maxmemory-policy to noeviction",
        {
          evicted: evicted - this.#evicted,
        },
      );
    this.#evicted = evicted;
  }

  async #restore(nowMs: number): Promise<void> {
    if (this.#restoring || nowMs - this.#abandonedMs < ABANDONED_EVERY_MS) return;
    this.#abandonedMs = nowMs;
    this.#restoring = true;
    const { server, scripts, transport, logger } = this.#parts;
    try {
      const count = await restoreAbandoned({ server, scripts, transport, logger }, newId());
      if (count > 0) logger.warn("gave back messages that a worker took and did not acknowledge in time", { count });
    } catch (error) {
      if (!(error instanceof BrokerConnectionError))
        logger.warn("could not look for abandoned messages", { error: String(error) });
    }
    this.#restoring = false;
  }
}
