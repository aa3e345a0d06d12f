import type { Database } from "./database.js";
import { jsonRowsValue } from "./stored-texts.js";

/** A worker as last seen. `stateJson` is the fleet's own; see `known-worker.ts`. */
export interface StoredWorker {
  readonly name: string;
  readonly seenMs: number;
  readonly stateJson: string;
}

/** Something that happened to a worker, or was done to it from here. */
export interface WorkerHistoryEntry {
  readonly atMs: number;
  /** As in `online`, `silent`, `pool_grow n=2`. */
  readonly what: string;
  readonly by: string | null;
  readonly outcome: string | null;
}

/** Entries kept of one worker. */
const HISTORY_KEPT = 500;
const COLUMNS = { name: "text", seen: "bigint", state: "text" } as const;

/** Workers and their history in the console's database: they survive its restart. */
export class WorkerStore {
  readonly #database: Database;
  #prepared: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  async all(): Promise<readonly StoredWorker[]> {
    await this.#prepare();
    const rows = await this.#database.all({
      sql: "SELECT name, seen_ms, state_json FROM console_workers ORDER BY name",
    });
    return rows.map((row) => ({
      name: String(row.name),
      seenMs: Number(row.seen_ms),
      stateJson: String(row.state_json),
    }));
  }

  /** Of two consoles' news of one worker the newer stay. */
  async put(workers: readonly StoredWorker[]): Promise<void> {
    if (workers.length === 0) return;
    await this.#prepare();
    const rows = workers.map(({ name, seenMs, stateJson }) => ({ name, seen: Math.floor(seenMs), state: stateJson }));
    await this.#database.write([
      {
        sql: `INSERT INTO console_workers (name, seen_ms, state_json)
              SELECT name, seen, state FROM ${this.#database.dialect.jsonRows("?", COLUMNS)} AS r WHERE true
              ON CONFLICT (name) DO UPDATE SET seen_ms = excluded.seen_ms, state_json = excluded.state_json
              WHERE excluded.seen_ms >= console_workers.seen_ms`,
        values: [jsonRowsValue(rows)],
      },
    ]);
  }

  async delete(name: string): Promise<void> {
    await this.#prepare();
    await this.#database.write([
      { sql: "DELETE FROM console_workers WHERE name = ?", values: [name] },
      { sql: "DELETE FROM console_worker_history WHERE worker = ?", values: [name] },
    ]);
  }

  async note(worker: string, { atMs, what, by, outcome }: WorkerHistoryEntry): Promise<void> {
    await this.#prepare();
    await this.#database.write([
      {
        sql: "INSERT INTO console_worker_history (worker, at_ms, what, by_user, outcome) VALUES (?, ?, ?, ?, ?)",
        values: [worker, Math.floor(atMs), what, by, outcome],
      },
      {
        sql: `DELETE FROM console_worker_history WHERE worker = ? AND number <=
              (SELECT number FROM console_worker_history WHERE worker = ? ORDER BY number DESC LIMIT 1 OFFSET ?)`,
        values: [worker, worker, HISTORY_KEPT],
      },
    ]);
  }

  /** Newest first. */
  async history(worker: string, limit = 100): Promise<readonly WorkerHistoryEntry[]> {
    await this.#prepare();
    const rows = await this.#database.all({
      sql: "SELECT at_ms, what, by_user, outcome FROM console_worker_history WHERE worker = ? ORDER BY number DESC LIMIT ?",
      values: [worker, limit],
    });
    return rows.map((row) => ({
      atMs: Number(row.at_ms),
      what: String(row.what),
      by: row.by_user === null ? null : String(row.by_user),
      outcome: row.outcome === null ? null : String(row.outcome),
    }));
  }

  async #prepare(): Promise<void> {
    const { dialect } = this.#database;
    this.#prepared ??= this.#database
      .migrate("workers", [
        `CREATE TABLE console_workers (name text PRIMARY KEY, seen_ms ${dialect.bigint} NOT NULL, state_json text NOT NULL)`,
        `CREATE TABLE console_worker_history (
          number ${dialect.autoId},
          worker text NOT NULL,
          at_ms ${dialect.bigint} NOT NULL,
          what text NOT NULL,
          by_user text,
          outcome text
        )`,
        "CREATE INDEX console_worker_history_by_worker ON console_worker_history (worker, number)",
      ])
      .catch((error: unknown) => {
        this.#prepared = undefined;
        throw error;
      });
    await this.#prepared;
  }
}
