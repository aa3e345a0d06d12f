import { setImmediate } from "node:timers/promises";
import { textOf } from "./column-values.js";
import type { Database, Row } from "./database.js";
import { jsonRowsValue } from "./stored-texts.js";
import type { TaskTypeRow } from "./task-store.js";

/** Newest tasks of a type whose times are read: at most, of all types together, and at least of each. */
const SAMPLES = 2_000;
const SAMPLES_OF_ALL = 30_000;
const FEWEST_SAMPLES = 3;
/** Names that are read at once, and looked at in one statement at most. */
const MOST_NAMES = 1_000;
/** Types in an answer. */
const MOST_TYPES = 1_000;
/** A statement should take about this long: in SQLite nothing else runs meanwhile. */
const STEP_MS = 15;

/**
 * What is kept of each task name, or of one, over tasks that finished since `sinceMs`. Many names (programs make some up) are looked at
 * some at once, and fewer times are read of each.
 */
export async function readTaskTypes(
  database: Database,
  sinceMs: number,
  name: string | undefined,
): Promise<TaskTypeRow[]> {
  const names = name === undefined ? await readNames(database, sinceMs) : [name];
  const samples = Math.min(SAMPLES, Math.max(FEWEST_SAMPLES, Math.floor(SAMPLES_OF_ALL / (names.length || 1))));
  const types: TaskTypeRow[] = [];
  let size = 1;
  for (let at = 0; at < names.length; ) {
    const started = performance.now();
    const some = names.slice(at, at + size);
    types.push(...(await readSome(database, { names: some, sinceMs, samples })));
    at += some.length;
    const tookMs = Math.max(0.5, performance.now() - started);
    size = Math.round(Math.min(MOST_NAMES, Math.max(1, size * Math.min(4, Math.max(0.25, STEP_MS / tookMs)))));
    await setImmediate();
  }
  return types;
}

/** Those that ran since then, in order; of very many those that ran last. Each name once, by leaps through the index. */
async function readNames(database: Database, sinceMs: number): Promise<string[]> {
  const found: { readonly name: string; readonly lastMs: number }[] = [];
  for (let last: string | undefined; ; ) {
    const behind = last === undefined ? "" : " AND name > ?";
    const rows: Row[] = await database.all({
      sql: `WITH RECURSIVE leap(name) AS (
          SELECT min(name) FROM tasks WHERE finished_ms IS NOT NULL${behind}
          UNION ALL
          SELECT (SELECT min(name) FROM tasks WHERE finished_ms IS NOT NULL AND name > leap.name) FROM leap
          WHERE leap.name IS NOT NULL
        )
        SELECT name, (SELECT max(t.finished_ms) FROM tasks AS t WHERE t.name = leap.name AND t.finished_ms IS NOT NULL) AS last_ms
        FROM leap WHERE name IS NOT NULL LIMIT ${MOST_NAMES}`,
      values: last === undefined ? [] : [last],
    });
    const all = rows.map((row) => ({ name: textOf(row.name), lastMs: Number(row.last_ms) }));
    found.push(...all.filter(({ lastMs }) => lastMs >= sinceMs));
    last = all.at(-1)?.name;
    if (rows.length < MOST_NAMES) break;
    await setImmediate();
  }
  const last = new Set([...found].sort((one, other) => other.lastMs - one.lastMs).slice(0, MOST_TYPES));
  return found.filter((each) => last.has(each)).map(({ name }) => name);
}

interface Some {
  readonly names: readonly string[];
  readonly sinceMs: number;
  readonly samples: number;
}

/** Those of them that have any runs, in the order of the names. */
async function readSome(database: Database, some: Some): Promise<TaskTypeRow[]> {
  const counts = byName(await readCounts(database, some));
  const samples = byName(await readSamples(database, some));
  return some.names.flatMap((name) => {
    const [count] = counts.get(name) ?? [];
    return count ? [typeOf(name, count, samples.get(name) ?? [])] : [];
  });
}

/**
 * Over the index alone, and of each name what is in the range alone. Both counts as one text: a subquery gives one value, two would go
 * through the range twice, and a join grouped by name would be sorted.
 */
async function readCounts(database: Database, { names, sinceMs }: Some): Promise<Row[]> {
  const rows = await database.all({
    sql: `SELECT n.name, (
        SELECT count(*) || ' ' || count(CASE WHEN t.state = 'FAILURE' THEN 1 END) FROM tasks AS t
        WHERE t.name = n.name AND t.finished_ms IS NOT NULL AND t.finished_ms >= ?
      ) AS counts FROM ${namesOf(database)}`,
    values: [sinceMs, jsonRowsValue(names.map((name) => ({ name })))],
  });
  return rows.flatMap(({ name, counts }) => {
    const [runs = 0, failures = 0] = textOf(counts).split(" ").map(Number);
    return runs === 0 ? [] : [{ name: name ?? null, runs, failures }];
  });
}

/** The newest of each: from the instant on of the last one that is wanted, which the index tells. */
async function readSamples(database: Database, { names, sinceMs, samples }: Some): Promise<Row[]> {
  return await database.all({
    sql: `SELECT t.name, t.finished_ms, t.runtime, t.queue, (t.started_ms - coalesce(t.eta_ms, t.sent_ms)) / 1000.0 AS wait
      FROM ${namesOf(database)} CROSS JOIN tasks AS t
      WHERE t.name = n.name AND t.finished_ms IS NOT NULL AND t.finished_ms >= coalesce((
        SELECT last.finished_ms FROM tasks AS last
        WHERE last.name = n.name AND last.finished_ms IS NOT NULL AND last.finished_ms >= ?
        ORDER BY last.finished_ms DESC LIMIT 1 OFFSET ${samples - 1}
      ), ?)`,
    values: [jsonRowsValue(names.map((name) => ({ name }))), sinceMs, sinceMs],
  });
}

function namesOf({ dialect }: Database): string {
  return `${dialect.jsonRows("?", { name: "text" })} AS n`;
}

function byName(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = textOf(row.name);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

function typeOf(name: string, count: Row, found: readonly Row[]): TaskTypeRow {
  const samples = [...found].sort((a, b) => Number(b.finished_ms) - Number(a.finished_ms)).slice(0, SAMPLES);
  const numbers = (column: string): number[] =>
    samples.flatMap(({ [column]: value }) => (typeof value === "number" ? [value] : []));
  return {
    name,
    runs: Number(count.runs),
    failures: Number(count.failures),
    runtimes: numbers("runtime"),
    // Clocks of two machines may differ: a wait is not negative.
    waits: numbers("wait").map((wait) => Math.max(0, wait)),
    lastMs: typeof samples[0]?.finished_ms === "number" ? samples[0].finished_ms : null,
    queue: textOf(samples.find(({ queue }) => queue !== null)?.queue) || null,
  };
}
