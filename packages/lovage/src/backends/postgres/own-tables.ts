import type { PostgresDatabase, PostgresRow, WriteKind, WriteOptions } from "../../connections/postgres.js";
import { encodeGroupMeta, type GroupMeta } from "../../protocol/task-meta.js";
import {
  instantText,
  instantTextOrNull,
  type NewResult,
  type ResultTables,
  type StoredResult,
  type StoreOutcome,
} from "./result-tables.js";

/** Expired rows that one statement removes: so many are gone in a moment, and others get their turn. */
const REMOVE_LIMIT = 5000;

/** Results in tables of our own, made by our migrations. */
export class OwnTables implements ResultTables {
  readonly #database: PostgresDatabase;
  readonly #store: WriteKind<NewResult, StoreOutcome>;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#store = storeKind(database.schema);
  }

  /** The migrations made them. */
  async open(): Promise<void> {}

  async store(result: NewResult, options: WriteOptions): Promise<StoreOutcome> {
    return await this.#database.write(this.#store, result, options);
  }

  async find(ids: readonly string[], nowMs: number): Promise<readonly StoredResult[]> {
    const { rows } = await this.#database.query(
      `SELECT id, status, meta FROM ${this.#schema}.result_tasks WHERE id = ANY($1::text[]) AND (expires_at IS NULL OR expires_at > $2::timestamptz)`,
      [ids, instantText(nowMs)],
    );
    return rows.map(({ id, status, meta }) => ({ id: String(id), status: String(status), text: String(meta) }));
  }

  async remove(id: string): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#schema}.result_tasks WHERE id = $1`, [id]);
  }

  async saveGroup(group: GroupMeta, _nowMs: number, expiresMs: number | null): Promise<void> {
    await this.#database.query(
      `INSERT INTO ${this.#schema}.result_groups (id, result, expires_at) VALUES ($1, $2, $3::timestamptz)
       ON CONFLICT (id) DO UPDATE SET result = excluded.result, expires_at = excluded.expires_at`,
      [group.groupId, encodeGroupMeta(group), instantTextOrNull(expiresMs)],
    );
  }

  async findGroup(id: string, nowMs: number): Promise<string | undefined> {
    const { rows } = await this.#database.query(
      `SELECT result FROM ${this.#schema}.result_groups WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2::timestamptz)`,
      [id, instantText(nowMs)],
    );
    return rows[0] && String(rows[0].result);
  }

  async removeExpired(nowMs: number): Promise<{ readonly removed: number; readonly more: boolean }> {
    const [removed, groups] = [
      await this.#removeFrom("result_tasks", nowMs),
      await this.#removeFrom("result_groups", nowMs),
    ];
    return { removed, more: removed === REMOVE_LIMIT || groups === REMOVE_LIMIT };
  }

  /** Skips what somebody else removes or stores anew at the moment. */
  async #removeFrom(table: string, nowMs: number): Promise<number> {
    const { count } = await this.#database.query(
      `DELETE FROM ${this.#schema}.${table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ${this.#schema}.${table} WHERE expires_at <= $1::timestamptz
        ORDER BY expires_at LIMIT ${REMOVE_LIMIT} FOR UPDATE SKIP LOCKED))`,
      [instantText(nowMs)],
    );
    return count;
  }

  get #schema(): string {
    return this.#database.schema;
  }
}

/**
 * `ResultBackend.store` for many results. What has expired stands against nothing, its fence included. A fence compares with none as the
 * higher one. When an earlier try may have been committed ($7), what it stored is found there, and stored once more.
 */
function storeKind(schema: string): WriteKind<NewResult, StoreOutcome> {
  return {
    name: "results",
    rank: 10,
    text: `
INSERT INTO ${schema}.result_tasks AS kept (id, status, fence, meta, stored_at, expires_at)
SELECT id, status, fence, meta, stored_at, expires_at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[])
  AS new (id, status, fence, meta, stored_at, expires_at)
ORDER BY id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status,
  fence = CASE WHEN kept.expires_at <= excluded.stored_at THEN excluded.fence ELSE coalesce(excluded.fence, kept.fence) END,
  meta = excluded.meta, stored_at = excluded.stored_at, expires_at = excluded.expires_at
WHERE kept.expires_at <= excluded.stored_at
  OR (excluded.fence IS NOT NULL AND (kept.fence IS NULL OR excluded.fence > kept.fence))
  OR (kept.status <> 'SUCCESS' AND (excluded.fence IS NULL OR excluded.fence >= kept.fence))
  OR ($7 AND kept.meta = excluded.meta AND kept.fence IS NOT DISTINCT FROM coalesce(excluded.fence, kept.fence))
RETURNING id, EXISTS (SELECT FROM ${schema}.result_listeners WHERE until > now()) AS awaited`,
    values: (results, { again }) => [
      results.map(({ id }) => id),
      results.map(({ meta }) => meta.status),
      results.map(({ fence }) => fence ?? null),
      results.map(({ text }) => text),
      results.map(({ nowMs }) => instantText(nowMs)),
      results.map(({ expiresMs }) => instantTextOrNull(expiresMs)),
      again,
    ],
    outcomes: storeOutcomes,
    key: ({ id }) => id,
    size: ({ text }) => text.length + 100,
    limit: 500,
  };
}

/** The rows that come back are those that were kept. */
export function storeOutcomes(
  results: readonly NewResult[],
  rows: readonly PostgresRow[],
): readonly { readonly value: StoreOutcome }[] {
  const kept = new Set(rows.map(({ id }) => id));
  const awaited = rows[0]?.awaited === true;
  return results.map(({ id }) => ({ value: { kept: kept.has(id), awaited } }));
}
