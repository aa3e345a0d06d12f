import type { Database } from "../store/database.js";
import { parseFields } from "../store/stored-json.js";
import { emptyRecord, type TaskRecord } from "../store/task-record.js";

/** Letters read at once. */
const READ_AT_ONCE = 500;

export interface Letter {
  readonly number: number;
  readonly id: string;
  readonly found: Partial<TaskRecord>;
}

/** What consoles that do not write have found out about tasks: left in the store for the one that does. */
export class FindingsMail {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Brings its table. Idempotent. */
  async prepare(): Promise<void> {
    const { autoId } = this.#database.dialect;
    await this.#database.migrate("ingest mail", [
      `CREATE TABLE ingest_findings (number ${autoId}, task_id text NOT NULL, found_json text NOT NULL)`,
    ]);
  }

  async send(id: string, found: Partial<TaskRecord>): Promise<void> {
    await this.#database.write([
      { sql: "INSERT INTO ingest_findings (task_id, found_json) VALUES (?, ?)", values: [id, JSON.stringify(found)] },
    ]);
  }

  /** The oldest letters. */
  async read(): Promise<readonly Letter[]> {
    const rows = await this.#database.all({
      sql: "SELECT number, task_id, found_json FROM ingest_findings ORDER BY number LIMIT ?",
      values: [READ_AT_ONCE],
    });
    return rows.map((row) => ({
      number: Number(row.number),
      id: String(row.task_id),
      found: readFound(String(row.found_json)),
    }));
  }

  async delete(letters: readonly Letter[]): Promise<void> {
    // By their numbers: one that was sent earlier may have been committed since they were read.
    const numbers = this.#database.dialect.jsonRows("?", { number: "bigint" });
    await this.#database.write([
      {
        sql: `DELETE FROM ingest_findings WHERE number IN (SELECT r.number FROM ${numbers} AS r)`,
        values: [JSON.stringify(letters.map(({ number }) => ({ number })))],
      },
    ]);
  }
}

/** Members of a record only, each of the type it has there or null. */
function readFound(text: string): Partial<TaskRecord> {
  const known = new Map(Object.entries(emptyRecord("", 0)));
  return Object.fromEntries(
    Object.entries(parseFields(text)).filter(
      ([name, value]) => known.has(name) && (value === null || ["string", "number", "boolean"].includes(typeof value)),
    ),
  );
}
