import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from "@photostructure/sqlite";
import { StorageError } from "../repository.js";

/** What can stand for a `?`. Booleans and dates are the caller's to convert. */
export type SqlValue = string | number | null;

// https://sqlite.org/rescode.html: the low byte of an extended code is the primary one.
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

/** How long a transaction waits for other processes, in seconds. A transaction here takes well under a millisecond. */
const BUSY_DEADLINE = 10;

/**
 * A SQLite file shared by several processes. Each transaction runs in one go, without an await inside, so those of one process
 * cannot mix. When another process holds the lock, the transaction is tried again after a short random pause. (SQLite's own busy
 * timeout would sleep on the event loop, hence `busy_timeout = 0`.) Do not use it in a worker thread: ending a thread inside a call
 * of this addon ends the process.
 */
export class SqliteDatabase {
  readonly #db: DatabaseSyncInstance;
  readonly #statements = new Map<string, StatementSyncInstance>();

  private constructor(db: DatabaseSyncInstance) {
    this.#db = db;
  }

  /** Opens `file`, creating it and its folder when missing, and brings its tables up to date by `schema`, one text per version. */
  static async open(file: string, schema: readonly string[]): Promise<SqliteDatabase> {
    await mkdir(dirname(file), { recursive: true });
    const db = new DatabaseSync(file, { timeout: 0 });
    const database = new SqliteDatabase(db);
    try {
      await database.#retryWhileBusy(() =>
        db.exec(
          "PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
        ),
      );
      await database.write(() => database.#migrate(schema));
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  }

  /** Runs `work` in a write transaction. It must not await, and may run more than once. */
  async write<T>(work: () => T): Promise<T> {
    return this.#retryWhileBusy(() => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** Runs `work`, which only reads, in one go. It may run more than once. */
  async read<T>(work: () => T): Promise<T> {
    return this.#retryWhileBusy(work);
  }

  all(sql: string, ...values: SqlValue[]): unknown[] {
    return this.#prepare(sql).all(...values.map(withoutNul));
  }

  get(sql: string, ...values: SqlValue[]): unknown {
    return this.#prepare(sql).get(...values.map(withoutNul));
  }

  /** Returns how many rows were changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepare(sql).run(...values.map(withoutNul)).changes);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): StatementSyncInstance {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #migrate(schema: readonly string[]): void {
    const row = this.#db.prepare("PRAGMA user_version").get();
    const version = typeof row === "object" && row !== null && "user_version" in row ? Number(row.user_version) : 0;
    if (version > schema.length) {
      throw new StorageError(
        `the database was made by a newer version of the example (schema ${version}, expected ${schema.length})`,
      );
    }
    for (const step of schema.slice(version)) this.#db.exec(step);
    this.#db.exec(`PRAGMA user_version = ${schema.length}`);
  }

  async #retryWhileBusy<T>(work: () => T): Promise<T> {
    const giveUpAtMs = performance.now() + BUSY_DEADLINE * 1000;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw asStorageError(error);
        if (performance.now() > giveUpAtMs) {
          throw new StorageError(`the database was busy for ${BUSY_DEADLINE} s`, { cause: error });
        }
      }
      await sleep(1 + Math.random() * 9);
    }
  }
}

/** The addon reads a text only up to its first NUL, so a NUL becomes the sign for a character that cannot be shown. */
function withoutNul(value: SqlValue): SqlValue {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

/** Errors of SQLite itself (disk full, no permission, not a database) in our words; all others as they are. */
function asStorageError(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  return new StorageError(`the database cannot be used: ${error.message}`, { cause: error });
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  const primary = error.errcode & 0xff;
  return primary === SQLITE_BUSY || primary === SQLITE_LOCKED;
}
