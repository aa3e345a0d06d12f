import type { BlockSearch } from "./block-search.js";
import { textOf } from "./column-values.js";
import type { Database, Row, Statement } from "./database.js";
import { jsonRowsValue } from "./stored-texts.js";
import { BY_NEWEST, type Position } from "./task-order.js";
import { compileFilter, knownState, leadOf, parseFilter } from "./task-query.js";
import { TaskScan, type Walk } from "./task-scan.js";
import type { StoreFilter } from "./task-store.js";

type Counts = Readonly<Record<string, number>>;

/** Counts per state, with SCHEDULED apart from PENDING. */
interface Counted {
  readonly states: Counts;
  readonly exact: boolean;
}

/** What a list says of the number of its tasks. */
export interface Facets {
  readonly total: { readonly count: number | null; readonly exact: boolean };
  readonly states: Counts;
}

/** Milliseconds that a page waits for a count. */
const COUNT_MS = 50;
/** More are estimated. */
const EXACT_UP_TO = 10_000;
/** Milliseconds that a count is good for: what changes meanwhile is told by the live stream. */
const KEPT_MS = 5_000;
const KEPT_COUNTS = 100;

/** How many tasks there are: of each state as it is kept, of a filter as it can be told in a moment. */
export class TaskCounts {
  readonly #database: Database;
  readonly #blocks: BlockSearch;
  readonly #kept = new Map<string, { readonly atMs: number; readonly counted: Promise<Counted> }>();

  constructor({ database, blocks }: { readonly database: Database; readonly blocks: BlockSearch }) {
    this.#database = database;
    this.#blocks = blocks;
  }

  /** Over all tasks. */
  async states(nowMs: number): Promise<Counts> {
    const rows = await this.#database.all({ sql: "SELECT state, tasks FROM task_states WHERE tasks > 0" });
    const states: Record<string, number> = {};
    for (const row of rows) states[textOf(row.state)] = Number(row.tasks);
    const { PENDING: pending = 0 } = states;
    if (pending === 0) return states;
    const later = Math.min(pending, await this.#countScheduled(nowMs));
    return withoutZeros({ ...states, PENDING: pending - later, SCHEDULED: later });
  }

  /** Of what matches the filter: in all, and per state whatever the filter's `state` says. Throws a `SearchError`. */
  async facets(filter: StoreFilter, nowMs: number): Promise<Facets> {
    const { state, ...rest } = filter;
    const { states, exact } = await this.#counted(rest, nowMs);
    const asked = state ? new Set(state.split(",").map(knownState)) : undefined;
    const count = Object.entries(states).reduce(
      (sum, [name, tasks]) => sum + (!asked || asked.has(name) ? tasks : 0),
      0,
    );
    // Nothing found in the part that was looked at says nothing about the rest.
    return { total: { count: count === 0 && !exact ? null : count, exact }, states };
  }

  /** Exactly, however long it takes. Throws a `SearchError`. */
  async exactly(filter: StoreFilter): Promise<number> {
    const { states } = await this.#count(filter, Date.now(), {
      ms: Number.POSITIVE_INFINITY,
      tasks: Number.POSITIVE_INFINITY,
    });
    return Object.values(states).reduce((sum, tasks) => sum + tasks, 0);
  }

  async #counted(filter: StoreFilter, nowMs: number): Promise<Counted> {
    const key = JSON.stringify(Object.entries(filter).sort());
    const known = this.#kept.get(key);
    if (known && nowMs - known.atMs < KEPT_MS) return await known.counted;
    const counted = this.#count(filter, nowMs, { ms: COUNT_MS, tasks: EXACT_UP_TO });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= KEPT_COUNTS && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, { atMs: nowMs, counted });
    counted.catch(() => this.#kept.delete(key));
    return await counted;
  }

  async #count(
    filter: StoreFilter,
    nowMs: number,
    until: { readonly ms: number; readonly tasks: number },
  ): Promise<Counted> {
    const node = parseFilter(filter);
    if (node.kind === "all") return { states: await this.states(nowMs), exact: true };
    const lead = leadOf(node);
    const where = compileFilter(node, this.#database.dialect, nowMs);
    const deadlineMs = performance.now() + until.ms;
    if (where && (await this.#blocks.isReady())) {
      const { rows, share } = await this.#blocks.count({ node, where, deadlineMs, nowMs, most: until.tasks });
      return scaled(sumOf(rows), 1 / share);
    }
    const states: Record<string, number> = {};
    const scan = new TaskScan(this.#database);
    let walk: Walk = { stretch: { order: BY_NEWEST, inNulls: false }, lead, where, behind: undefined };
    for (;;) {
      const slice = await scan.count(walk, nowMs);
      const counted = addTo(states, slice.rows);
      if (!slice.until) return { states, exact: true };
      if (performance.now() > deadlineMs || counted > until.tasks) return await this.#estimated(states, slice.until);
      walk = { ...walk, behind: slice.until };
    }
  }

  /** As if the rest were like the part that was counted, which is the newest. */
  async #estimated(states: Counts, until: Position): Promise<Counted> {
    const row = await this.#database.get({
      sql: "SELECT (SELECT max(seq) FROM tasks) AS newest, (SELECT min(seq) FROM tasks) AS oldest",
    });
    const [, seq] = until.values;
    const all = Number(row?.newest) - Number(row?.oldest) + 1;
    const part = Math.max(1, Number(row?.newest) - Number(seq) + 1);
    return scaled(states, Math.max(1, all / part), false);
  }

  async #countScheduled(nowMs: number): Promise<number> {
    const row = await this.#database.get({
      sql: "SELECT count(*) AS tasks FROM (SELECT 1 FROM tasks WHERE eta_ms IS NOT NULL AND eta_ms > ? AND state = 'PENDING' LIMIT 100000) AS later",
      values: [nowMs],
    });
    return Number(row?.tasks ?? 0);
  }
}

function sumOf(rows: readonly Row[]): Counts {
  const states: Record<string, number> = {};
  addTo(states, rows);
  return states;
}

function scaled(states: Counts, factor: number, exact = factor === 1): Counted {
  const entries = Object.entries(states).map(([state, tasks]) => [state, Math.round(tasks * factor)] as const);
  return { states: Object.fromEntries(entries), exact };
}

function addTo(states: Record<string, number>, rows: readonly Row[]): number {
  for (const row of rows) {
    const state = row.later === 1 ? "SCHEDULED" : textOf(row.state);
    states[state] = (states[state] ?? 0) + Number(row.tasks);
  }
  return Object.values(states).reduce((sum, tasks) => sum + tasks, 0);
}

function withoutZeros(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([, tasks]) => tasks > 0));
}

/** Adds the tasks of these ids, as they are now, to the kept counts, or takes them out: before and after they are written. */
export function recount({ dialect }: Pick<Database, "dialect">, ids: readonly string[], by: 1 | -1): Statement {
  const source = dialect.jsonRows("?", { id: "text" });
  // SQLite: without WHERE, ON would be read as a join's.
  return {
    sql: `INSERT INTO task_states (state, tasks)
      SELECT t.state, ${by} * count(*) FROM ${source} AS r JOIN tasks t ON t.id = r.id WHERE t.id IS NOT NULL GROUP BY t.state
      ON CONFLICT (state) DO UPDATE SET tasks = task_states.tasks + excluded.tasks`,
    values: [jsonRowsValue(ids.map((id) => ({ id })))],
  };
}
