import { setImmediate } from "node:timers/promises";
import { textOf } from "./column-values.js";
import type { Database, Row } from "./database.js";
import type { ErrorGroupRequest, ErrorGroupRow } from "./task-store.js";

/** Parts of the range in a group's trend. */
const TREND_PARTS = 12;
/** Groups in an answer: messages that nothing in them tells apart from others can be as many as failures. */
const MOST_GROUPS = 200;

interface Group {
  count: number;
  readonly trend: number[];
  firstMs: number;
  lastMs: number;
  readonly workers: Set<string>;
  sample: number;
}

/** Failures that are alike, over tasks that ended in the range (its end not included); the most frequent first, two hundred at most. */
export async function readErrorGroups(database: Database, request: ErrorGroupRequest): Promise<ErrorGroupRow[]> {
  const groups = new Map<string, Group>();
  const { fromMs, toMs } = request;
  for (let part = 0; part < TREND_PARTS; part++) {
    const border = (at: number): number => Math.round(fromMs + ((toMs - fromMs) * at) / TREND_PARTS);
    const rows = await database.all(partStatement(request, border(part), border(part + 1)));
    for (const row of rows) addTo(groups, part, row);
    await setImmediate();
  }
  const most = [...groups].sort(([, one], [, other]) => byFrequency(one, other)).slice(0, MOST_GROUPS);
  return await withSamples(database, new Map(most));
}

function partStatement({ task, queue }: ErrorGroupRequest, fromMs: number, toMs: number) {
  const filters = [...(task === undefined ? [] : [["name", task]]), ...(queue === undefined ? [] : [["queue", queue]])];
  const asked = filters.map(([column]) => ` AND ${column} = ?`).join("");
  return {
    sql: `SELECT fingerprint, worker, count(*) AS tasks, min(finished_ms) AS first_ms, max(finished_ms) AS last_ms, max(seq) AS sample
      FROM tasks WHERE fingerprint IS NOT NULL AND finished_ms >= ? AND finished_ms < ?${asked} GROUP BY fingerprint, worker`,
    values: [fromMs, toMs, ...filters.map(([, value]) => value ?? null)],
  };
}

function addTo(groups: Map<string, Group>, part: number, row: Row): void {
  const fingerprint = textOf(row.fingerprint);
  const group = groups.get(fingerprint) ?? newGroup();
  groups.set(fingerprint, group);
  const tasks = Number(row.tasks);
  group.count += tasks;
  group.trend[part] = (group.trend[part] ?? 0) + tasks;
  group.firstMs = Math.min(group.firstMs, Number(row.first_ms));
  group.lastMs = Math.max(group.lastMs, Number(row.last_ms));
  group.sample = Math.max(group.sample, Number(row.sample));
  if (typeof row.worker === "string") group.workers.add(row.worker);
}

function newGroup(): Group {
  return {
    count: 0,
    trend: Array.from({ length: TREND_PARTS }, () => 0),
    firstMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    workers: new Set(),
    sample: 0,
  };
}

async function withSamples(database: Database, groups: ReadonlyMap<string, Group>): Promise<ErrorGroupRow[]> {
  const source = database.dialect.jsonRows("?", { seq: "bigint" });
  const rows = await database.all({
    sql: `SELECT t.fingerprint, t.id, t.name, t.error FROM ${source} AS r JOIN tasks t ON t.seq = r.seq`,
    values: [JSON.stringify([...groups.values()].map(({ sample }) => ({ seq: sample })))],
  });
  return rows
    .flatMap((row): ErrorGroupRow[] => {
      const fingerprint = textOf(row.fingerprint);
      const group = groups.get(fingerprint);
      if (!group) return [];
      const { count, trend, firstMs, lastMs, workers } = group;
      const sample = { error: textOf(row.error), task: textOf(row.name), sampleId: textOf(row.id) };
      return [{ fingerprint, ...sample, count, trend, firstMs, lastMs, workers: [...workers].sort() }];
    })
    .sort(byFrequency);
}

type Frequency = Pick<Group, "count" | "lastMs">;

function byFrequency(one: Frequency, other: Frequency): number {
  return other.count - one.count || other.lastMs - one.lastMs;
}
