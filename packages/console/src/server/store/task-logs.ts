import { textOf } from "./column-values.js";
import type { Database, SqlValue } from "./database.js";
import { jsonRowsValue, likePattern, storable } from "./stored-texts.js";
import type { StoredLog } from "./task-record.js";
import { keptId, toLog } from "./task-rows.js";
import type { RunLogsRequest } from "./task-store.js";

const COLUMNS = "l.seq, t.id, l.at_ms, l.level, l.message, l.fields_json, l.attempt, l.worker";

/** Logs of one task behind `afterSeq`, in order. */
export async function readLogs(
  database: Database,
  id: string,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<(StoredLog & { readonly seq: number })[]> {
  const rows = await database.all({
    sql: `SELECT ${COLUMNS} FROM tasks t JOIN task_logs l ON l.task = t.seq WHERE t.id = ? AND l.seq > ? ORDER BY l.seq LIMIT ?`,
    values: [keptId(id), afterSeq, limit],
  });
  return rows.map(toLog);
}

/** Logs of all tasks of the runs before `beforeSeq`, newest first. */
export async function readLogsOfRuns(
  database: Database,
  runIds: readonly string[],
  { beforeSeq = Number.MAX_SAFE_INTEGER, limit, level, q }: RunLogsRequest,
): Promise<(StoredLog & { readonly seq: number; readonly runId: string })[]> {
  const { dialect } = database;
  const filters: string[] = [];
  const values: SqlValue[] = [jsonRowsValue([...new Set(runIds.map(keptId))].map((id) => ({ id }))), beforeSeq];
  if (level && level.length > 0) {
    filters.push(` AND l.level IN (${level.map(() => "?").join(", ")})`);
    values.push(...level.map(storable));
  }
  if (q) {
    filters.push(` AND ${dialect.contains("l.message")}`);
    values.push(likePattern(storable(q)));
  }
  const rows = await database.all({
    sql: `SELECT t.run_id, ${COLUMNS} FROM ${dialect.jsonRows("?", { id: "text" })} AS r JOIN tasks t ON t.run_id = r.id
      JOIN task_logs l ON l.task = t.seq WHERE l.seq < ?${filters.join("")} ORDER BY l.seq DESC LIMIT ?`,
    values: [...values, limit],
  });
  return rows.map((row) => ({ ...toLog(row), runId: textOf(row.run_id) }));
}
