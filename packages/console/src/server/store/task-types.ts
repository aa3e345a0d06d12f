import { setImmediate } from "node:timers/promises";
import type { Database, Row } from "./database.js";
import { text } from "./task-rows.js";
import type { TaskTypeRow } from "./task-store.js";

/** Newest tasks of a type whose times are read. */
const SAMPLES = 2_000;

/** What is kept of each task name, or of one, over tasks that finished since `sinceMs`. */
export async function readTaskTypes(
  database: Database,
  sinceMs: number,
  name: string | undefined,
): Promise<TaskTypeRow[]> {
  const types: TaskTypeRow[] = [];
  for (const each of name === undefined ? await readNames(database) : [name]) {
    const type = await readType(database, sinceMs, each);
    if (type.runs > 0) types.push(type);
    await setImmediate();
  }
  return types;
}

/** Each name once, by leaps through the index. */
async function readNames(database: Database): Promise<string[]> {
  const names: string[] = [];
  for (let last: string | undefined; ; ) {
    const row: Row | undefined = await database.get({
      sql: `SELECT min(name) AS name FROM tasks WHERE finished_ms IS NOT NULL${last === undefined ? "" : " AND name > ?"}`,
      values: last === undefined ? [] : [last],
    });
    if (typeof row?.name !== "string") return names;
    last = row.name;
    names.push(last);
  }
}

async function readType(database: Database, sinceMs: number, name: string): Promise<TaskTypeRow> {
  const values = [name, sinceMs];
  const finished = "FROM tasks WHERE name = ? AND finished_ms IS NOT NULL AND finished_ms >= ?";
  const states = await database.all({ sql: `SELECT state, count(*) AS tasks ${finished} GROUP BY state`, values });
  const samples = await database.all({
    sql: `SELECT finished_ms, runtime, queue, (started_ms - coalesce(eta_ms, sent_ms)) / 1000.0 AS wait ${finished}
      ORDER BY finished_ms DESC LIMIT ${SAMPLES}`,
    values,
  });
  const tasksIn = (state?: string): number =>
    states.reduce((sum, row) => sum + (state === undefined || row.state === state ? Number(row.tasks) : 0), 0);
  const numbers = (column: string): number[] =>
    samples.flatMap(({ [column]: value }) => (typeof value === "number" ? [value] : []));
  return {
    name,
    runs: tasksIn(),
    failures: tasksIn("FAILURE"),
    runtimes: numbers("runtime"),
    // Clocks of two machines may differ: a wait is not negative.
    waits: numbers("wait").map((wait) => Math.max(0, wait)),
    lastMs: typeof samples[0]?.finished_ms === "number" ? samples[0].finished_ms : null,
    queue: text(samples.find(({ queue }) => queue !== null)?.queue) || null,
  };
}
