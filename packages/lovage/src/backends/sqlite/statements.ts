import type { Sql } from "../../connections/sqlite.js";

/** Expired rows that one transaction removes, so that a file full of them does not hold up work. */
const REMOVE_LIMIT = 1000;

/** A row of `result_tasks`, as far as it is read. */
export interface StoredResult {
  readonly id: string;
  readonly status: string;
  readonly text: string;
}
export interface NewResult extends StoredResult {
  readonly fence: number | undefined;
  readonly expiresMs: number | null;
}

/** `mayReplace`, in SQL. What has expired stands against nothing, its fence included. A fence compares with none as the higher one. */
const STORE = `
INSERT INTO result_tasks (id, status, fence, meta, stored, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status,
  fence = CASE WHEN expires <= ?5 THEN excluded.fence ELSE coalesce(excluded.fence, fence) END,
  meta = excluded.meta, stored = excluded.stored, expires = excluded.expires
WHERE expires <= ?5
  OR (excluded.fence IS NOT NULL AND (fence IS NULL OR excluded.fence > fence))
  OR (status <> 'SUCCESS' AND (excluded.fence IS NULL OR excluded.fence >= fence))`;

/** Whether it was kept. */
export function storeResult(sql: Sql, { id, status, fence, text, expiresMs }: NewResult, nowMs: number): boolean {
  return sql.prepare(STORE).run(id, status, fence ?? null, text, nowMs, expiresMs).changes !== 0;
}

export function findResult(sql: Sql, id: string, nowMs: number): StoredResult | undefined {
  const row = sql
    .prepare("SELECT status, meta FROM result_tasks WHERE id = ? AND (expires IS NULL OR expires > ?)")
    .get(id, nowMs);
  return row && { id, status: String(row.status), text: String(row.meta) };
}

/** Those of `ids` that are in one of `states`. */
export function findReady(
  sql: Sql,
  ids: readonly string[],
  states: readonly string[],
  nowMs: number,
): readonly StoredResult[] {
  return sql
    .prepare(
      `SELECT id, status, meta FROM result_tasks WHERE id IN (SELECT value FROM json_each(?))
       AND status IN (SELECT value FROM json_each(?)) AND (expires IS NULL OR expires > ?)`,
    )
    .all(JSON.stringify(ids), JSON.stringify(states), nowMs)
    .map(({ id, status, meta }) => ({ id: String(id), status: String(status), text: String(meta) }));
}

export function removeResult(sql: Sql, id: string): void {
  sql.prepare("DELETE FROM result_tasks WHERE id = ?").run(id);
}

export function storeGroup(sql: Sql, id: string, text: string, expiresMs: number | null): void {
  sql
    .prepare(
      "INSERT INTO result_groups VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET result = excluded.result, expires = excluded.expires",
    )
    .run(id, text, expiresMs);
}

export function findGroup(sql: Sql, id: string, nowMs: number): string | undefined {
  const row = sql
    .prepare("SELECT result FROM result_groups WHERE id = ? AND (expires IS NULL OR expires > ?)")
    .get(id, nowMs);
  return row && String(row.result);
}

/** The parts counted now. The count is kept beside the parts: counting rows would make a chord of n parts cost n². */
export function countPart(sql: Sql, groupId: string, partId: string, nowMs: number, expiresMs: number | null): number {
  if (sql.prepare("DELETE FROM result_chords WHERE group_id = ? AND expires <= ?").run(groupId, nowMs).changes !== 0) {
    sql.prepare("DELETE FROM result_chord_parts WHERE group_id = ?").run(groupId);
  }
  const isNew =
    sql.prepare("INSERT OR IGNORE INTO result_chord_parts VALUES (?, ?)").run(groupId, partId).changes !== 0;
  const row = sql
    .prepare(
      `INSERT INTO result_chords VALUES (?1, ?2, ?3)
       ON CONFLICT (group_id) DO UPDATE SET counted = counted + excluded.counted, expires = excluded.expires RETURNING counted`,
    )
    .get(groupId, isNew ? 1 : 0, expiresMs);
  return Number(row?.counted);
}

/** Removes some expired results and says how many; fewer than could be removed only when there are no more. */
export function removeExpiredResults(sql: Sql, nowMs: number): { readonly removed: number; readonly more: boolean } {
  const removed = Number(
    sql
      .prepare(
        `DELETE FROM result_tasks WHERE rowid IN (SELECT rowid FROM result_tasks WHERE expires <= ? LIMIT ${REMOVE_LIMIT})`,
      )
      .run(nowMs).changes,
  );
  return { removed, more: removed === REMOVE_LIMIT };
}

/** Removes some expired groups and chords. Whether there may be more. */
export function removeExpiredGroups(sql: Sql, nowMs: number): boolean {
  const groups = sql
    .prepare(
      `DELETE FROM result_groups WHERE rowid IN (SELECT rowid FROM result_groups WHERE expires <= ? LIMIT ${REMOVE_LIMIT})`,
    )
    .run(nowMs).changes;
  // One chord at a time, as it may have any number of parts.
  const chord = sql.prepare("SELECT group_id FROM result_chords WHERE expires <= ? LIMIT 1").get(nowMs);
  if (chord) {
    const id = String(chord.group_id);
    sql.prepare("DELETE FROM result_chord_parts WHERE group_id = ?").run(id);
    sql.prepare("DELETE FROM result_chords WHERE group_id = ?").run(id);
  }
  return Number(groups) === REMOVE_LIMIT || chord !== undefined;
}
