import { setImmediate } from "node:timers/promises";
import { textOf } from "./column-values.js";
import type { Database, Row, Statement } from "./database.js";
import { jsonRowsValue } from "./stored-texts.js";
import { recount } from "./task-counts.js";
import { keptId } from "./task-rows.js";
import type { RetentionLimits } from "./task-store.js";
import { UNFINISHED } from "./task-tables.js";

/** Tasks that go in one transaction: in SQLite about 10 ms, in which nothing else runs. */
const STEP = 200;
const LOG_STEP = 1_000;
/** Tasks that go in one sweep: the next one takes the rest. */
const SWEEP = 20_000;
const DAY_MS = 86_400_000;

/** Deletes the records, with their events and logs. Returns how many there were. */
export async function removeTasks(database: Database, ids: readonly string[]): Promise<number> {
  const kept = [...new Set(ids.map(keptId))];
  let removed = 0;
  for (let at = 0; at < kept.length; at += STEP) {
    const results = await database.write(removal(database, kept.slice(at, at + STEP)));
    removed += results.at(-1)?.length ?? 0;
    await setImmediate();
  }
  return removed;
}

function removal(database: Database, ids: readonly string[]): readonly Statement[] {
  const source = database.dialect.jsonRows("?", { id: "text" });
  const values = [jsonRowsValue(ids.map((id) => ({ id })))];
  const seqs = `SELECT t.seq FROM ${source} AS r JOIN tasks t ON t.id = r.id`;
  return [
    recount(database, ids, -1),
    { sql: `DELETE FROM task_events WHERE task IN (${seqs})`, values },
    { sql: `DELETE FROM task_logs WHERE task IN (${seqs})`, values },
    { sql: `DELETE FROM tasks WHERE id IN (SELECT r.id FROM ${source} AS r) RETURNING id`, values },
  ];
}

/** Applies what is kept for how long, in small steps, at most 20,000 tasks in one call. Returns how many tasks went. */
export async function sweepTasks(database: Database, limits: RetentionLimits, nowMs: number): Promise<number> {
  const { taskDays, failureDays, logDays, taskCount } = limits;
  await sweepLogs(database, nowMs - logDays * DAY_MS);
  let removed = 0;
  for (const victims of [
    oldTasks(nowMs - taskDays * DAY_MS),
    oldFailures(nowMs - failureDays * DAY_MS),
    // What a day's flood brought too much of: the oldest that did not fail, and when failures alone are too many, those.
    (limit: number) => excess(database, taskCount, limit, "state <> 'FAILURE'"),
    (limit: number) => excess(database, taskCount, limit, "state = 'FAILURE'"),
  ]) {
    for (let more = true; more && removed < SWEEP; ) {
      const statement = await victims(Math.min(STEP, SWEEP - removed));
      const ids = statement ? (await database.all(statement)).map((row) => textOf(row.id)) : [];
      removed += await removeTasks(database, ids);
      more = ids.length > 0;
    }
  }
  await database.write([{ sql: "DELETE FROM task_states WHERE tasks = 0" }]);
  return removed;
}

type Victims = (limit: number) => Promise<Statement | undefined>;

/** By when they ended; those that have not, by the last news of them, and not before their time has come. */
function oldTasks(beforeMs: number): Victims {
  return async (limit) => ({
    sql: `SELECT id FROM tasks WHERE at_ms < ? AND state <> 'FAILURE' AND (
        finished_ms < ? OR (finished_ms IS NULL AND updated_ms < ? AND (eta_ms IS NULL OR eta_ms < ?))
      ) ORDER BY at_ms LIMIT ?`,
    values: [beforeMs, beforeMs, beforeMs, beforeMs, limit],
  });
}

function oldFailures(beforeMs: number): Victims {
  return async (limit) => ({
    sql: "SELECT id FROM tasks WHERE state = 'FAILURE' AND at_ms < ? AND coalesce(finished_ms, updated_ms) < ? ORDER BY at_ms LIMIT ?",
    values: [beforeMs, beforeMs, limit],
  });
}

async function excess(database: Database, most: number, limit: number, which: string): Promise<Statement | undefined> {
  const row: Row | undefined = await database.get({ sql: "SELECT sum(tasks) AS tasks FROM task_states" });
  const tooMany = Number(row?.tasks ?? 0) - most;
  if (tooMany <= 0) return undefined;
  return {
    sql: `SELECT id FROM tasks WHERE ${which} AND NOT (${UNFINISHED}) ORDER BY at_ms LIMIT ?`,
    values: [Math.min(tooMany, limit)],
  };
}

async function sweepLogs(database: Database, beforeMs: number): Promise<void> {
  for (let more = true; more; ) {
    const [rows = []] = await database.write([
      {
        sql: `DELETE FROM task_logs WHERE seq IN (SELECT seq FROM task_logs WHERE at_ms < ? ORDER BY at_ms LIMIT ${LOG_STEP}) RETURNING seq`,
        values: [beforeMs],
      },
    ]);
    more = rows.length === LOG_STEP;
    await setImmediate();
  }
}
