import { BrokerConnectionError, BrokerError } from "lovage";
import { type Broker, type Consumer, type Delivery, deferred, type Route } from "lovage/internal";

/** Which messages are moved: those named, the first `n`, or all that are ready or scheduled when it begins. */
export type Moved = { readonly keys: readonly string[] } | { readonly n: number } | { readonly all: true };

export interface MoveOptions {
  readonly from: string;
  readonly to: string;
  readonly what: Moved;
  /** Ends the move; what has been moved stays moved. */
  readonly signal: AbortSignal;
  /** Seconds without a message after which there is none left: others may have taken them. @default 2 */
  readonly idle?: number;
}

/** A move that ended before its end: what went is `moved`, the rest is where it was. */
export class MoveError extends Error {
  readonly moved: number;
  constructor(moved: number, cause: unknown) {
    super(`moved ${moved}, then: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "MoveError";
    this.moved = moved;
  }
}

/** Messages in hand at once, and keys asked for at once. */
const IN_HAND = 50;
const KEYS_AT_ONCE = 100;
/** Scheduled messages among which keys are looked for. */
const MAX_SCHEDULED = 10_000;

/**
 * Moves messages from queue to queue, on any broker: each is published where it goes, and acknowledged when the broker has it there. A
 * crash in between leaves a message in both queues, never in none. Headers, properties and priority stay, and an ETA that is still to come.
 *
 * Returns how many were moved. Rejects with a `MoveError` when it could not go on: what was in hand goes back to its queue.
 */
export async function moveMessages(broker: Broker, options: MoveOptions): Promise<number> {
  const move = new Move(broker, options);
  try {
    await move.run();
    return move.moved;
  } catch (error) {
    throw new MoveError(move.moved, error);
  }
}

class Move {
  moved = 0;
  readonly #broker: Broker;
  readonly #options: MoveOptions;

  constructor(broker: Broker, options: MoveOptions) {
    this.#broker = broker;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { what, from } = this.#options;
    if ("keys" in what) return await this.#moveKeys(what.keys);
    const counts = await this.#broker.queues.counts(from);
    if (!counts) return;
    const ready = "n" in what ? Math.min(what.n, counts.ready) : counts.ready;
    await this.#moveReady(ready);
    if ("all" in what && counts.scheduled > 0) await this.#moveScheduled(counts.scheduled);
  }

  /** In the order of the queue, each at most once: what is sent to the queue meanwhile stays. */
  async #moveReady(count: number): Promise<void> {
    if (count === 0) return;
    const { from, signal, idle = 2 } = this.#options;
    signal.throwIfAborted();
    const intake = new Intake(count, idle, (delivery) => this.#moveOne(delivery));
    const onAbort = (): void => intake.end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const options = { prefetch: Math.min(IN_HAND, count), name: "console" };
    try {
      const consumer = await this.#broker.consume([from], options, (delivery) => intake.take(delivery));
      await intake.finish(consumer);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Those that wait for their ETA no consumer gets: they are taken by name, page by page. */
  async #moveScheduled(count: number): Promise<void> {
    const { from } = this.#options;
    let offset = (await this.#broker.queues.counts(from))?.ready ?? 0;
    for (let left = count; left > 0; ) {
      const page = await this.#broker.queues.peek(from, { limit: Math.min(KEYS_AT_ONCE, left), offset });
      const scheduled = page.filter(({ state }) => state === "scheduled");
      if (scheduled.length === 0) return;
      const before = this.moved;
      for (const { key, eta } of scheduled) await this.#takeAndMove([key], eta);
      left -= scheduled.length;
      // What did not go is still there.
      offset += scheduled.length - (this.moved - before);
    }
  }

  async #moveKeys(keys: readonly string[]): Promise<void> {
    const { from } = this.#options;
    const etas = await this.#etasIn(from);
    // Where looking disturbs the queue, taking does too: once, then.
    const atOnce = this.#broker.capabilities.peek === "clean" ? KEYS_AT_ONCE : keys.length;
    const [scheduled, others] = [keys.filter((key) => etas.has(key)), keys.filter((key) => !etas.has(key))];
    for (let at = 0; at < others.length; at += atOnce) await this.#takeAndMove(others.slice(at, at + atOnce));
    // One by one: a delivery does not tell which key it was taken by.
    for (const key of scheduled) await this.#takeAndMove([key], etas.get(key));
  }

  /** When the scheduled ones are due. */
  async #etasIn(queue: string): Promise<ReadonlyMap<string, Date>> {
    const counts = await this.#broker.queues.counts(queue);
    if (!counts || counts.scheduled === 0) return new Map();
    const limit = Math.min(counts.scheduled, MAX_SCHEDULED);
    const found = await this.#broker.queues.peek(queue, { limit, offset: counts.ready });
    return new Map(found.flatMap(({ key, state, eta }) => (state === "scheduled" && eta ? [[key, eta]] : [])));
  }

  async #takeAndMove(keys: readonly string[], eta?: Date): Promise<void> {
    this.#options.signal.throwIfAborted();
    const taken = await this.#broker.queues.take(this.#options.from, keys);
    const results = await Promise.allSettled(taken.map((delivery) => this.#moveOne(delivery, eta)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #moveOne(delivery: Delivery, eta?: Date): Promise<void> {
    const { to } = this.#options;
    const { message } = delivery;
    const { priority } = message.properties;
    const route: Route = {
      exchange: "",
      routingKey: to,
      ...(typeof priority === "number" && { priority }),
      ...(eta && eta.getTime() > Date.now() && { eta }),
    };
    try {
      await this.#broker.publish(message, route);
    } catch (error) {
      // Lost already when the connection is: then the broker gives it back by itself.
      await delivery.reject({ requeue: true }).catch(() => undefined);
      throw error;
    }
    await delivery.ack();
    this.moved += 1;
  }
}

/** Takes so many messages off a consumer, works on each, and gives back what it took too many. */
class Intake {
  readonly #count: number;
  readonly #idle: number;
  readonly #work: (delivery: Delivery) => Promise<void>;
  readonly #over = deferred<void>();
  readonly #busy = new Set<Promise<void>>();
  readonly #surplus: Delivery[] = [];
  #taken = 0;
  #isOver = false;
  #failure: { readonly reason: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(count: number, idle: number, work: (delivery: Delivery) => Promise<void>) {
    this.#count = count;
    this.#idle = idle;
    this.#work = work;
  }

  take(delivery: Delivery): void {
    if (this.#isOver || this.#taken >= this.#count) {
      this.#surplus.push(delivery);
      return;
    }
    this.#taken += 1;
    this.#wait();
    const work = this.#work(delivery)
      .catch((error: unknown) => this.end(error))
      .finally(() => this.#busy.delete(work));
    this.#busy.add(work);
    if (this.#taken >= this.#count) this.end();
  }

  /** No further ones; with a reason, because something went wrong. */
  end(reason?: unknown): void {
    if (reason !== undefined) this.#failure ??= { reason };
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#over.resolve();
  }

  /** Resolves when the last one is done. Rejects with what went wrong. */
  async finish(consumer: Consumer): Promise<void> {
    this.#wait();
    await this.#over.promise;
    await consumer.cancel();
    await Promise.all([...this.#busy]);
    await Promise.allSettled(this.#surplus.map((delivery) => delivery.reject({ requeue: true })));
    if (this.#failure) throw this.#failure.reason;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => this.end(), this.#idle * 1000);
  }
}

/** Whether trying again later may help. */
export function isPassing(error: MoveError): boolean {
  return error.cause instanceof BrokerConnectionError || !(error.cause instanceof BrokerError);
}
