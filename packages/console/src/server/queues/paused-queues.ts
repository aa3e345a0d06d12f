import type { Logger } from "lovage";
import type { ActionOutcome } from "../../api/common.js";
import type { WorkerSummary } from "../../api/workers.js";
import type { Fleet } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { Database } from "../store/database.js";
import { errorText } from "./broker-access.js";
import { type PausedQueue, PausedQueueStore } from "./paused-queue-store.js";

/** Milliseconds before a worker that went on consuming is told again. */
const TOLD_AGAIN_MS = 10_000;

export interface PausedQueuesOptions {
  readonly fleet: Fleet;
  readonly database: Database;
  readonly logger: Logger;
  readonly now: () => Date;
  /** Whether this is the console, of all that share the store, that tells workers by itself. */
  readonly isLeader: () => boolean;
}

/** A paused queue as last read, and when this console told which worker to stop. */
interface KnownPause {
  readonly by: string;
  readonly told: Map<string, number>;
}

/**
 * Queues that nobody is to take from. No broker can stop a queue, so pausing is done by the workers: each cancels its consumer, and so
 * does each that starts later, within moments of its start; what it has taken by then it finishes. The store says what is paused, to all
 * consoles that share it: what is kept here is for lists, and looked up there before any worker is told.
 */
export class PausedQueues {
  readonly #options: PausedQueuesOptions;
  readonly #store: PausedQueueStore;
  readonly #paused = new Map<string, KnownPause>();
  readonly #telling = new Set<Promise<void>>();
  /** Queues whose consumers are being looked for. */
  readonly #pausing = new Set<string>();
  #forget: (() => void) | undefined;

  constructor(options: PausedQueuesOptions) {
    this.#options = options;
    this.#store = new PausedQueueStore(options);
  }

  /** Recalls what was paused, and watches for workers. Rejects with a `StoreError` when the store cannot be read. */
  async start(): Promise<void> {
    await this.#store.open();
    this.#take(await this.#store.all());
    this.#forget = this.#options.fleet.onChange((worker, change) => {
      if (change === "online" || change === "figures") this.#tellLater(worker, change === "online");
    });
  }

  async stop(): Promise<void> {
    this.#forget?.();
    await Promise.allSettled([...this.#telling]);
  }

  /** Learns what other consoles paused and resumed. Never rejects: what was known holds while the store is away. */
  async reread(): Promise<void> {
    try {
      this.#take(await this.#store.all());
    } catch (error) {
      this.#options.logger.warn("which queues are paused cannot be read", { error: errorText(error) });
    }
  }

  get names(): readonly string[] {
    return [...this.#paused.keys()].sort();
  }
  has(queue: string): boolean {
    return this.#paused.has(queue);
  }

  /** Remembered first: a console that dies in between tells the workers when it is back. */
  async pause(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    // Whom this finds consuming is told below, and by nobody else meanwhile: what it answers belongs to this pause.
    this.#pausing.add(queue);
    try {
      await this.#store.pause(queue, by.name);
      await this.reread();
      await this.#options.fleet.refresh();
    } finally {
      this.#pausing.delete(queue);
    }
    return await this.#cancelOn(queue, this.#consumersOf(queue), by);
  }

  /**
   * Those that were told to stop are told to go on; one that has ended since consumes what its own settings say when it starts. It is
   * paused until they were told. Throws an `ApiError` (409, `not_paused`), and what the broker throws: it is paused as before then.
   */
  async resume(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    const begun = await this.#store.beginResuming(queue);
    if (!begun) {
      await this.reread();
      throw new ApiError(409, "not_paused", `${queue} is ${this.has(queue) ? "being resumed already" : "not paused"}`);
    }
    const there = begun.workers.filter((name) => (this.#options.fleet.get(name)?.status ?? "offline") !== "offline");
    const outcomes = await this.#goOn(queue, there, by).catch(async (error: unknown) => {
      await this.#store.giveUpResuming(queue, begun.mark).catch(() => undefined);
      throw error;
    });
    await this.#store.endResuming(queue, begun.mark);
    await this.reread();
    const away = begun.workers.filter((name) => !there.includes(name));
    return [
      ...outcomes,
      ...away.map((target) => skipped(target, "is not online: it consumes what its settings say when it starts")),
    ];
  }

  async #goOn(queue: string, workers: readonly string[], by: User): Promise<readonly ActionOutcome[]> {
    if (workers.length === 0) return [];
    return await this.#options.fleet.control("add_consumer", addConsumerArgs(queue), { destination: workers, by });
  }

  #take(found: readonly PausedQueue[]): void {
    const names = new Set(found.map(({ queue }) => queue));
    for (const queue of this.#paused.keys()) if (!names.has(queue)) this.#paused.delete(queue);
    for (const { queue, by } of found) {
      this.#paused.set(queue, { by, told: this.#paused.get(queue)?.told ?? new Map<string, number>() });
    }
  }

  #consumersOf(queue: string): readonly WorkerSummary[] {
    return this.#options.fleet.list().filter((worker) => worker.queues.includes(queue));
  }

  async #cancelOn(queue: string, workers: readonly WorkerSummary[], by: User): Promise<readonly ActionOutcome[]> {
    const online = workers.filter(({ status }) => status === "online").map(({ name }) => name);
    const silent = workers.filter(({ status }) => status !== "online").map(({ name }) => name);
    const later = silent.map((target) => skipped(target, "is not online: it is told when it is back"));
    if (online.length === 0) return later;
    if (!(await this.#store.addWorkers(queue, online))) {
      return workers.map(({ name }) => skipped(name, "was left alone: the queue was resumed meanwhile"));
    }
    const told = this.#paused.get(queue)?.told;
    for (const name of online) told?.set(name, this.#options.now().getTime());
    const outcomes = await this.#options.fleet.control("cancel_consumer", { queue }, { destination: online, by });
    await this.#undoWhereResumed(queue, online, by);
    return [...outcomes, ...later];
  }

  /** Another console may have had them go on just before they were told to stop: nobody would tell them again. */
  async #undoWhereResumed(queue: string, workers: readonly string[], by: User): Promise<void> {
    const paused = await this.#store.get(queue);
    if (!paused || paused.isResuming) await this.#goOn(queue, workers, by);
  }

  /** A worker that started, or was seen to consume what is paused. */
  #tellLater(worker: WorkerSummary, isNew: boolean): void {
    if (this.#paused.size === 0 || worker.status !== "online" || !this.#options.isLeader()) return;
    const telling = this.#tell(worker, isNew).catch((error: unknown) => {
      const fields = { worker: worker.name, error: errorText(error) };
      this.#options.logger.warn("could not tell a worker which queues are paused", fields);
    });
    this.#telling.add(telling);
    void telling.finally(() => this.#telling.delete(telling));
  }

  async #tell(worker: WorkerSummary, isNew: boolean): Promise<void> {
    // Which queues a worker that has just started consumes is not known before it was asked.
    if (isNew) await this.#options.fleet.refresh(worker.name);
    const current = this.#options.fleet.get(worker.name) ?? worker;
    for (const [queue, { by: name, told }] of [...this.#paused]) {
      if (!current.queues.includes(queue) || this.#pausing.has(queue)) continue;
      if (!isNew && this.#wasToldLately(told.get(current.name))) continue;
      const by: User = { name, role: "operator", seesPayloads: false, via: "api", address: "" };
      const outcomes = await this.#cancelOn(queue, [current], by);
      this.#options.logger.info("told a worker that a queue is paused", { worker: current.name, queue, outcomes });
    }
  }

  #wasToldLately(toldMs: number | undefined): boolean {
    return toldMs !== undefined && this.#options.now().getTime() - toldMs < TOLD_AGAIN_MS;
  }
}

/** As Celery's `add_consumer` takes them: a queue that the worker knows stays as it is configured there. */
export function addConsumerArgs(queue: string): Readonly<Record<string, unknown>> {
  return { queue, exchange: null, exchange_type: "direct", routing_key: null };
}

function skipped(target: string, detail: string): ActionOutcome {
  return { target, outcome: "skipped", detail };
}
