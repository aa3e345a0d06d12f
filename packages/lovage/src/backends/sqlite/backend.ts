import type { Share } from "../../connections/connections.js";
import { type SqliteDatabase, SqliteError, sqliteDatabase } from "../../connections/sqlite.js";
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
    await translated(this.#database.open());
    await translated(this.#database.migrate("results", BACKEND_MIGRATIONS));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening?.();
    this.#waiters.rejectAll();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenClosed();
    const text = encodeTaskMeta(meta);
    const kept = await translated(
      this.#database.write(
        (sql) =>
          sql.prepare(STORE).run(meta.taskId, meta.status, fence ?? null, text, this.#expiry(), Date.now()).changes !==
          0,
      ),
    );
    if (kept && isReady(meta.status)) this.#waiters.settle(decodeTaskMeta(text));
    return kept;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    this.#refuseWhenClosed();
    return read(() => this.#find(id));
  }

  async forget(id: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.write((sql) => sql.prepare("DELETE FROM result_tasks WHERE id = ?").run(id)));
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenClosed();
    // Listening comes before looking, so that nothing stored in between is missed.
    const waiting = this.#waiters.wait(id, signal);
    this.#stopListening ??= this.#database.onChange(() => this.#lookForWaiters());
    this.#settleReady([id]);
    return await waiting;
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
    return read(() => {
      const row = this.#database.read((sql) =>
        sql
          .prepare("SELECT result FROM result_groups WHERE id = ? AND (expires IS NULL OR expires > ?)")
          .get(id, Date.now()),
      );
      return row && { groupId: id, result: parseResultTuple(JSON.parse(String(row.result))) };
    });
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

  #find(id: string): TaskMeta | undefined {
    const row = this.#database.read((sql) =>
      sql
        .prepare("SELECT meta FROM result_tasks WHERE id = ? AND (expires IS NULL OR expires > ?)")
        .get(id, Date.now()),
    );
    return row && decodeTaskMeta(String(row.meta));
  }

  #lookForWaiters(): void {
    const { ids } = this.#waiters;
    if (ids.length === 0) {
      this.#stopListening?.();
      this.#stopListening = undefined;
      return;
    }
    this.#settleReady(ids);
  }

  #settleReady(ids: readonly string[]): void {
    const rows = this.#database.read((sql) =>
      sql
        .prepare(
          "SELECT status, meta FROM result_tasks WHERE id IN (SELECT value FROM json_each(?)) AND (expires IS NULL OR expires > ?)",
        )
        .all(JSON.stringify(ids), Date.now()),
    );
    for (const { status, meta } of rows)
      if (isReady(String(status))) this.#waiters.settle(decodeTaskMeta(String(meta)));
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
ON CONFLICT (id) DO UPDATE SET status = excluded.status, fence = max(coalesce(excluded.fence, 0), coalesce(fence, 0)), meta = excluded.meta, expires = excluded.expires
WHERE (expires IS NOT NULL AND expires <= ?6)
  OR coalesce(excluded.fence, 0) > coalesce(fence, 0)
  OR (status <> 'SUCCESS' AND (excluded.fence IS NULL OR excluded.fence >= coalesce(fence, 0)))`;

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw backendError(error);
  }
}
function read<T>(work: () => T): T {
  try {
    return work();
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
