import { BrokerConnectionError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { RedisDelivery, type Taken } from "./delivery.js";
import type { RedisHolds } from "./holds.js";
import type { KeyWatch } from "./key-watch.js";
import { listKeys } from "./keys.js";
import type { RedisTransport } from "./options.js";
import { bytesOf, listOf, textOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";

export interface RedisConsumerParts {
  readonly scripts: BrokerScripts;
  readonly transport: RedisTransport;
  readonly holds: RedisHolds;
  readonly watch: KeyWatch;
  readonly id: string;
  readonly queues: readonly string[];
  readonly options: ConsumeOptions;
  readonly leaseSeconds: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Called once, when it is cancelled. */
  readonly onCancel: (consumer: RedisConsumer) => void;
  readonly logger: Logger;
}

/** Messages taken at a time at most, and their bytes: so that no script holds the server for long. */
const TAKE_COUNT = 500;
const TAKE_BYTES = 8 * 1024 * 1024;
/** Milliseconds until what failed is tried again. */
const RETRY_MS = 250;
/** Milliseconds between looks where changes are not told, at first and at most. */
const POLL_MS = { first: 20, most: 1000 } as const;

/**
 * Takes messages whenever it may hold more and there are some. When a take finds less than it could hold, it looks at the lists in a way
 * that makes the server tell their next change, takes once more, and sleeps.
 */
export class RedisConsumer implements Consumer {
  readonly id: string;
  readonly queues: readonly string[];
  readonly #parts: RedisConsumerParts;
  readonly #keys: readonly string[];
  #prefetch: number;
  readonly #held = new Set<RedisDelivery>();
  #taking = false;
  #work: Promise<void> = Promise.resolve();
  /** Something may be there that the take under way does not see. */
  #again = false;
  #queued = false;
  #cancelled = false;
  #failing = false;
  #turn = 0;
  #pollMs: number = POLL_MS.first;
  #timer: NodeJS.Timeout | undefined;
  readonly #stopListening: () => void;

  constructor(parts: RedisConsumerParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.queues = parts.transport.queueOrderStrategy === "sorted" ? [...parts.queues].sort() : parts.queues;
    this.#keys = parts.queues.flatMap((queue) => listKeys(parts.transport, queue));
    this.#prefetch = parts.options.prefetch;
    this.#stopListening = parts.watch.listen(this.#keys, () => this.wake());
  }

  get trouble(): string | undefined {
    if (this.#cancelled) return "its consumer was cancelled";
    return this.#failing ? "messages could not be taken the last time: trying again" : undefined;
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    this.wake();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.abandon();
    this.#parts.onCancel(this);
  }

  /** Stops without a word to the server, as a process that dies does. */
  abandon(): void {
    this.#cancelled = true;
    this.#stopListening();
    clearTimeout(this.#timer);
  }

  get #free(): number {
    return this.#prefetch === 0 ? TAKE_COUNT : Math.min(TAKE_COUNT, this.#prefetch - this.#held.size);
  }

  /** There may be something to take. */
  wake(): void {
    if (this.#cancelled) return;
    if (this.#taking) {
      this.#again = true;
      return;
    }
    if (this.#queued || this.#free <= 0) return;
    this.#queued = true;
    // After all that happens in this turn: acknowledgements make room, and go before this in one packet.
    process.nextTick(() => {
      this.#queued = false;
      this.#work = this.#takeAll();
    });
  }

  /** Settles when what was asked of the server has been answered. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #takeAll(): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    clearTimeout(this.#timer);
    try {
      // The first is without looking: who was told has something to take, and looking twice would cost more than it saves.
      let armed: Promise<boolean> | undefined;
      for (;;) {
        const free = this.#free;
        if (free <= 0 || this.#cancelled) break;
        this.#again = false;
        const taken = await this.#take(free);
        this.#failing = false;
        if (taken > 0) this.#pollMs = POLL_MS.first;
        if (taken >= free || this.#again) {
          armed = undefined;
          continue;
        }
        // Nothing came between the look and the take that followed it: sleep.
        if (armed !== undefined && taken === 0) {
          if (!(await armed)) this.#pollSoon();
          break;
        }
        armed = this.#parts.watch.look(this.#keys);
      }
    } catch (error) {
      // The server may have carried it out: what nobody heard of goes back now rather than at the end of its lease.
      if (error instanceof BrokerConnectionError && !this.#cancelled)
        await this.#parts.holds.reconcile().catch(() => undefined);
      this.#retryLater(error);
    }
    this.#taking = false;
    if (this.#again) this.wake();
  }

  async #take(free: number): Promise<number> {
    const { scripts, holds, leaseSeconds } = this.#parts;
    const queues = this.#inTurn();
    const reply = await scripts.run(
      "take",
      [holds.connection, holds.epoch, Math.round(leaseSeconds * 1000), free, TAKE_BYTES, ...queues],
      { buffers: true },
    );
    const taken = readTaken(reply, queues, holds.connection);
    this.#deliver(taken);
    return taken.length;
  }

  /** The queues, each first in its turn, so that a full one does not starve the others. */
  #inTurn(): readonly string[] {
    const { queues } = this;
    if (queues.length < 2 || this.#parts.transport.queueOrderStrategy !== "round_robin") return queues;
    const first = this.#turn++ % queues.length;
    return [...queues.slice(first), ...queues.slice(0, first)];
  }

  #deliver(taken: readonly Taken[]): void {
    const { holds, onDelivery, logger } = this.#parts;
    for (const each of taken) {
      const delivery = new RedisDelivery(each, holds, this.#onEnd);
      if (this.#cancelled) {
        // What a cancelled consumer still got is nobody's here.
        delivery.reject({ requeue: true }).catch(() => undefined);
        continue;
      }
      this.#held.add(delivery);
      try {
        onDelivery(delivery);
      } catch (error) {
        logger.error("a delivery's receiver threw", { queue: each.queue, error: String(error) });
      }
    }
  }

  readonly #onEnd = (delivery: RedisDelivery): void => {
    if (this.#held.delete(delivery)) this.wake();
  };

  #pollSoon(): void {
    if (this.#cancelled) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), this.#pollMs);
    this.#pollMs = Math.min(POLL_MS.most, this.#pollMs * 2);
  }

  #retryLater(error: unknown): void {
    if (this.#cancelled) return;
    const { logger } = this.#parts;
    // The connection says itself that it was lost, and wakes when it is back.
    if (!this.#failing && !(error instanceof BrokerConnectionError))
      logger.warn("could not take messages: trying again until it works", { error: String(error) });
    this.#failing = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), RETRY_MS);
  }
}

/** See scripts/take.ts. */
function readTaken(reply: unknown, queues: readonly string[], connection: string): Taken[] {
  const [firstToken, ...rest] = listOf(reply);
  const first = textOf(firstToken);
  const taken: Taken[] = [];
  for (let at = 0; at < rest.length; ) {
    const queue = queues[Number(rest[at])];
    const step = textOf(rest[at + 1]);
    const end = at + 3 + Number(rest[at + 2]);
    if (queue === undefined || !Number.isSafeInteger(end)) break;
    for (at += 3; at < end; at++) {
      const number = taken.length;
      const tag = `lovage:${connection}:${first}+${number}:${step}:${queue}`;
      taken.push({ queue, tag, token: Number(first) + number, envelope: bytesOf(rest[at]) });
    }
  }
  return taken;
}
