import type { Share } from "../../connections/connections.js";
import { type Sql, type SqliteDatabase, SqliteError, sqliteDatabase } from "../../connections/sqlite.js";
import { BackendConnectionError, BackendError } from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import {
  decodeTaskMeta,
  encodeTaskMeta,
  type GroupMeta,
  parseResultTuple,
  type TaskMeta,
} from "../../protocol/task-meta.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { Waiters } from "../waiters.js";
import { BACKEND_MIGRATIONS } from "./schema.js";

/** Seconds within which a write has its turn or rejects. */
const WRITE_TIMEOUT = 10;
/** Expired rows removed by one call, so that a file full of them does not hold up work. */
const REMOVE_LIMIT = 5000;

/** Results in one SQLite file: the broker's own, if it is one, and then in the same transactions. */
export class SqliteBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities = { durable: true, shared: true };
  readonly #share: Share<SqliteDatabase>;
  readonly #database: SqliteDatabase;
  readonly #expiresMs: number | undefined;
  readonly #waiters = new Waiters();
  #stopListening: (() => void) | undefined;
  #closed = false;

  constructor(options: BackendOptions) {
    this.#share = sqliteDatabase(options.url, options.connections, {
      writeTimeout: WRITE_TIMEOUT,
      logger: options.logger,
    });
    this.#database = this.#share.value;
    this.#expiresMs = options.resultExpires ? options.resultExpires * 1000 : undefined;
  }

  async connect(): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.open());
    await translated(this.#database.migrate("results", BACKEND_MIGRATIONS));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiters.rejectAll();
    this.#restWhenNobodyWaits();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenClosed();
    const text = encodeTaskMeta(meta);
    const { taskId, status } = meta;
    // Those who wait in this process hear of the commit as those in others do.
    return await translated(
      this.#database.write(
        (sql) => sql.prepare(STORE).run(taskId, status, fence ?? 0, text, this.#expiry(), Date.now()).changes !== 0,
      ),
    );
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    this.#refuseWhenClosed();
    const row = await this.#query((sql) =>
      sql
        .prepare("SELECT meta FROM result_tasks WHERE id = ? AND (expires IS NULL OR expires > ?)")
        .get(id, Date.now()),
    );
    return row && decodeTaskMeta(String(row.meta));
  }

  async forget(id: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.write((sql) => sql.prepare("DELETE FROM result_tasks WHERE id = ?").run(id)));
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenClosed();
    signal.throwIfAborted();
    // Listening comes before looking, and both before anything else can happen here, so that nothing stored meanwhile is missed.
    this.#stopListening ??= this.#database.onChange(() => this.#tellWaiters());
    try {
      const [known] = this.#readyOf([id]);
      return known ?? (await this.#waiters.wait(id, signal));
    } catch (error) {
      throw backendError(error);
    } finally {
      this.#restWhenNobodyWaits();
    }
  }

  async saveGroup({ groupId, result }: GroupMeta): Promise<void> {
    this.#refuseWhenClosed();
    await translated(
      this.#database.write((sql) =>
        sql
          .prepare("INSERT OR REPLACE INTO result_groups VALUES (?, ?, ?)")
          .run(groupId, JSON.stringify(result), this.#expiry()),
      ),
    );
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    this.#refuseWhenClosed();
    const row = await this.#query((sql) =>
      sql
        .prepare("SELECT result FROM result_groups WHERE id = ? AND (expires IS NULL OR expires > ?)")
        .get(id, Date.now()),
    );
    return row && { groupId: id, result: parseResultTuple(JSON.parse(String(row.result))) };
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    this.#refuseWhenClosed();
    return await translated(
      this.#database.write((sql) => {
        sql.prepare("INSERT OR IGNORE INTO result_chord_parts VALUES (?, ?, ?)").run(groupId, partId, this.#expiry());
        return Number(sql.prepare("SELECT count(*) AS n FROM result_chord_parts WHERE group_id = ?").get(groupId)?.n);
      }),
    );
  }

  async removeExpired(now: Date): Promise<number> {
    this.#refuseWhenClosed();
    return await translated(
      this.#database.write((sql) => {
        const before = now.getTime();
        sql.prepare("DELETE FROM result_groups WHERE expires <= ?").run(before);
        sql.prepare("DELETE FROM result_chord_parts WHERE expires <= ?").run(before);
        return Number(
          sql
            .prepare(
              `DELETE FROM result_tasks WHERE id IN (SELECT id FROM result_tasks WHERE expires <= ? LIMIT ${REMOVE_LIMIT})`,
            )
            .run(before).changes,
        );
      }),
    );
  }

  #tellWaiters(): void {
    for (const meta of this.#readyOf(this.#waiters.ids)) this.#waiters.settle(meta);
  }

  /** Listening keeps the process alive: it ends with the last wait. */
  #restWhenNobodyWaits(): void {
    if (!this.#closed && this.#waiters.ids.length > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  /** Those of these tasks that are in a ready state. */
  #readyOf(ids: readonly string[]): TaskMeta[] {
    const rows = this.#database.read((sql) =>
      sql
        .prepare(
          "SELECT status, meta FROM result_tasks WHERE id IN (SELECT value FROM json_each(?)) AND (expires IS NULL OR expires > ?)",
        )
        .all(JSON.stringify(ids), Date.now()),
    );
    return rows.filter(({ status }) => isReady(String(status))).map(({ meta }) => decodeTaskMeta(String(meta)));
  }

  async #query<T>(operation: (sql: Sql) => T): Promise<T> {
    return await translated(this.#database.query(operation));
  }

  #expiry(): number | null {
    return this.#expiresMs === undefined ? null : Date.now() + this.#expiresMs;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
}

/**
 * Keeps a row unless the one that is there stands: one with a higher fence always does; a SUCCESS does against a write whose fence is no
 * higher. What has expired stands against nothing.
 */
const STORE = `
INSERT INTO result_tasks (id, status, fence, meta, expires) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, meta = excluded.meta, expires = excluded.expires,
  fence = CASE WHEN expires <= ?6 THEN excluded.fence ELSE max(excluded.fence, fence) END
WHERE expires <= ?6 OR excluded.fence > fence OR (status <> 'SUCCESS' AND excluded.fence IN (0, fence))`;

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw backendError(error);
  }
}
function backendError(error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error;
  return error.passing
    ? new BackendConnectionError(error.message, { cause: error })
    : new BackendError(error.message, { cause: error });
}
