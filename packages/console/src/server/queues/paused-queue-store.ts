import type { Database, Row } from "../store/database.js";

const STEPS: readonly ((types: { bigint: string }) => string)[] = [
  () => `CREATE TABLE console_paused_queues (
    queue TEXT NOT NULL PRIMARY KEY,
    paused_by TEXT NOT NULL,
    workers TEXT NOT NULL
  )`,
  ({ bigint }) => `ALTER TABLE console_paused_queues ADD COLUMN resuming_ms ${bigint}`,
];
/** Milliseconds after which a resuming that was not ended is taken to have been cut off: the queue is paused then, as it was. */
const RESUMING_MS = 60_000;
/** Tries to add to a list that others add to as well. */
const TRIES = 20;

/** A queue that somebody paused. */
export interface PausedQueue {
  readonly queue: string;
  /** Name of the user. */
  readonly by: string;
  /** Workers that were told to stop consuming it, and so are told to go on. */
  readonly workers: readonly string[];
  /** Somebody is about to have the workers go on: they are told to stop no longer. */
  readonly isResuming: boolean;
}

/**
 * Which queues are paused, for all consoles of one store. Each change is one statement that holds only where the queue still is as it was
 * read: what two consoles do at once never brings back a pause that one of them has ended. Errors are the database's (`StoreError`).
 */
export class PausedQueueStore {
  readonly #database: Database;
  readonly #nowMs: () => number;

  constructor({ database, now }: { readonly database: Database; readonly now: () => Date }) {
    this.#database = database;
    this.#nowMs = () => now().getTime();
  }

  /** Makes the table. Idempotent. */
  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate(
      "paused-queues",
      STEPS.map((step) => step({ bigint })),
    );
  }

  async all(): Promise<readonly PausedQueue[]> {
    const rows = await this.#database.all({ sql: "SELECT * FROM console_paused_queues" });
    return rows.map((row) => this.#pausedOf(row));
  }

  async get(queue: string): Promise<PausedQueue | undefined> {
    const row = await this.#row(queue);
    return row && this.#pausedOf(row);
  }

  /** Whom it names already stays named: who pauses first is remembered. Ends a resuming. */
  async pause(queue: string, by: string): Promise<void> {
    const sql = `INSERT INTO console_paused_queues (queue, paused_by, workers) VALUES (?, ?, '[]')
      ON CONFLICT (queue) DO UPDATE SET resuming_ms = NULL`;
    await this.#database.write([{ sql, values: [queue, by] }]);
  }

  /** Notes whom is told to stop. False when the queue is paused no longer: then they must not be told. */
  async addWorkers(queue: string, names: readonly string[]): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      const row = await this.#row(queue);
      const known = row && this.#pausedOf(row);
      if (!known || known.isResuming) return false;
      const workers = JSON.stringify([...new Set([...known.workers, ...names])]);
      const [changed] = await this.#database.write([
        {
          sql: `UPDATE console_paused_queues SET workers = ? WHERE queue = ? AND workers = ? AND (resuming_ms IS NULL OR resuming_ms < ?)
            RETURNING queue`,
          values: [workers, queue, String(row.workers), this.#oldestMs()],
        },
      ]);
      if (changed?.length) return true;
    }
    return false;
  }

  /** Keeps everybody from telling more workers to stop; gives those to be told to go on. Undefined when it is not paused, or somebody does so now. */
  async beginResuming(
    queue: string,
  ): Promise<{ readonly workers: readonly string[]; readonly mark: number } | undefined> {
    const mark = this.#nowMs();
    const [rows] = await this.#database.write([
      {
        sql: `UPDATE console_paused_queues SET resuming_ms = ? WHERE queue = ? AND (resuming_ms IS NULL OR resuming_ms < ?) RETURNING *`,
        values: [mark, queue, this.#oldestMs()],
      },
    ]);
    const row = rows?.[0];
    return row && { workers: workersOf(row), mark };
  }

  /** It is paused no longer, unless somebody paused it anew meanwhile. */
  async endResuming(queue: string, mark: number): Promise<void> {
    const sql = "DELETE FROM console_paused_queues WHERE queue = ? AND resuming_ms = ?";
    await this.#database.write([{ sql, values: [queue, mark] }]);
  }

  /** It is paused as before: the workers could not be told. */
  async giveUpResuming(queue: string, mark: number): Promise<void> {
    const sql = "UPDATE console_paused_queues SET resuming_ms = NULL WHERE queue = ? AND resuming_ms = ?";
    await this.#database.write([{ sql, values: [queue, mark] }]);
  }

  async #row(queue: string): Promise<Row | undefined> {
    return await this.#database.get({ sql: "SELECT * FROM console_paused_queues WHERE queue = ?", values: [queue] });
  }

  #pausedOf(row: Row): PausedQueue {
    const { resuming_ms: resumingMs } = row;
    return {
      queue: String(row.queue),
      by: String(row.paused_by),
      workers: workersOf(row),
      isResuming: typeof resumingMs === "number" && resumingMs >= this.#oldestMs(),
    };
  }

  #oldestMs(): number {
    return this.#nowMs() - RESUMING_MS;
  }
}

function workersOf(row: Row): readonly string[] {
  const list: unknown = JSON.parse(String(row.workers));
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}
