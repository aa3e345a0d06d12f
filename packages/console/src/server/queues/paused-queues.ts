import type { Logger } from "lovage";
import type { ActionOutcome } from "../../api/common.js";
import type { WorkerSummary } from "../../api/workers.js";
import type { Fleet } from "../parts.js";
import type { User } from "../route.js";
import type { Database, Row } from "../store/database.js";
import { errorText } from "./broker-access.js";

const MIGRATIONS = [
  `CREATE TABLE console_paused_queues (
    queue TEXT NOT NULL PRIMARY KEY,
    paused_by TEXT NOT NULL,
    workers TEXT NOT NULL
  )`,
];
/** Milliseconds before a worker that went on consuming is told again. */
const TOLD_AGAIN_MS = 10_000;

interface Paused {
  readonly by: string;
  /** Workers that were told to stop consuming it, and so are told to go on. */
  readonly workers: Set<string>;
}

export interface PausedQueuesOptions {
  readonly fleet: Fleet;
  readonly database: Database;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * Queues that nobody is to take from. No broker can stop a queue, so pausing is done by the workers: each cancels its consumer, and so
 * does each that starts later, within moments of its start; what it has taken by then it finishes.
 */
export class PausedQueues {
  readonly #options: PausedQueuesOptions;
  readonly #paused = new Map<string, Paused>();
  /** `worker queue` → when it was last told. */
  readonly #told = new Map<string, number>();
  readonly #telling = new Set<Promise<void>>();
  #forget: (() => void) | undefined;

  constructor(options: PausedQueuesOptions) {
    this.#options = options;
  }

  /** Recalls what was paused, and watches for workers. Rejects with a `StoreError` when the store cannot be read. */
  async start(): Promise<void> {
    const { database, fleet } = this.#options;
    await database.migrate("paused-queues", MIGRATIONS);
    for (const row of await database.all({ sql: "SELECT queue, paused_by, workers FROM console_paused_queues" })) {
      this.#paused.set(String(row.queue), { by: String(row.paused_by), workers: new Set(workersOf(row)) });
    }
    this.#forget = fleet.onChange((worker, change) => {
      if (change === "online" || change === "figures") this.#tellLater(worker, change === "online");
    });
  }

  async stop(): Promise<void> {
    this.#forget?.();
    await Promise.allSettled([...this.#telling]);
  }

  get names(): readonly string[] {
    return [...this.#paused.keys()].sort();
  }
  has(queue: string): boolean {
    return this.#paused.has(queue);
  }

  /** Remembered first: a console that dies in between tells the workers when it is back. */
  async pause(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    const known = this.#paused.get(queue);
    const paused = known ?? { by: by.name, workers: new Set<string>() };
    await this.#save(queue, paused);
    this.#paused.set(queue, paused);
    await this.#options.fleet.refresh();
    return await this.#cancelOn(queue, paused, this.#consumersOf(queue), by);
  }

  /** Those that were told to stop are told to go on; one that has ended since consumes what its own settings say when it starts. */
  async resume(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    const paused = this.#paused.get(queue);
    if (!paused) return [];
    // Before the workers hear of it: they would be told to stop again.
    this.#paused.delete(queue);
    const { fleet, database } = this.#options;
    const online = [...paused.workers].filter((name) => fleet.get(name)?.status === "online");
    const outcomes =
      online.length === 0
        ? []
        : await fleet.control("add_consumer", addConsumerArgs(queue), { destination: online, by });
    await database.write([{ sql: "DELETE FROM console_paused_queues WHERE queue = ?", values: [queue] }]);
    const away = [...paused.workers].filter((name) => !online.includes(name));
    return [
      ...outcomes,
      ...away.map((target) => skipped(target, "is not online: it consumes what its settings say when it starts")),
    ];
  }

  #consumersOf(queue: string): readonly WorkerSummary[] {
    return this.#options.fleet.list().filter((worker) => worker.queues.includes(queue));
  }

  async #cancelOn(
    queue: string,
    paused: Paused,
    workers: readonly WorkerSummary[],
    by: User,
  ): Promise<readonly ActionOutcome[]> {
    const online = workers.filter(({ status }) => status === "online").map(({ name }) => name);
    const silent = workers.filter(({ status }) => status !== "online").map(({ name }) => name);
    if (online.length === 0)
      return silent.map((target) => skipped(target, "is not online: it is told when it is back"));
    for (const name of online) {
      paused.workers.add(name);
      this.#told.set(`${name} ${queue}`, this.#options.now().getTime());
    }
    await this.#save(queue, paused);
    const outcomes = await this.#options.fleet.control("cancel_consumer", { queue }, { destination: online, by });
    return [...outcomes, ...silent.map((target) => skipped(target, "is not online: it is told when it is back"))];
  }

  /** A worker that started, or was seen to consume what is paused. */
  #tellLater(worker: WorkerSummary, isNew: boolean): void {
    if (this.#paused.size === 0 || worker.status !== "online") return;
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
    for (const [queue, paused] of this.#paused) {
      if (!current.queues.includes(queue) || this.#wasToldLately(current.name, queue, isNew)) continue;
      const by: User = { name: paused.by, role: "operator", seesPayloads: false, via: "api", address: "" };
      const outcomes = await this.#cancelOn(queue, paused, [current], by);
      this.#options.logger.info("told a worker that a queue is paused", { worker: current.name, queue, outcomes });
    }
  }

  #wasToldLately(worker: string, queue: string, isNew: boolean): boolean {
    const told = this.#told.get(`${worker} ${queue}`);
    return !isNew && told !== undefined && this.#options.now().getTime() - told < TOLD_AGAIN_MS;
  }

  async #save(queue: string, { by, workers }: Paused): Promise<void> {
    const sql = `INSERT INTO console_paused_queues (queue, paused_by, workers) VALUES (?, ?, ?)
      ON CONFLICT (queue) DO UPDATE SET workers = excluded.workers`;
    await this.#options.database.write([{ sql, values: [queue, by, JSON.stringify([...workers])] }]);
  }
}

/** As Celery's `add_consumer` takes them: a queue that the worker knows stays as it is configured there. */
export function addConsumerArgs(queue: string): Readonly<Record<string, unknown>> {
  return { queue, exchange: null, exchange_type: "direct", routing_key: null };
}

function skipped(target: string, detail: string): ActionOutcome {
  return { target, outcome: "skipped", detail };
}

function workersOf(row: Row): readonly string[] {
  const list: unknown = JSON.parse(String(row.workers));
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}
