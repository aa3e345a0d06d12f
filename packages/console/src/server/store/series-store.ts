import type { Logger } from "lovage";
import { type Service, sleep } from "lovage/internal";
import type { SeriesStore } from "../parts.js";
import type { Database, Row, Statement } from "./database.js";
import { jsonRowsValue } from "./dialects.js";
import { DurationHistogram } from "./duration-histogram.js";
import { type Bucket, SeriesBuckets } from "./series-buckets.js";

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

/** Lengths of buckets, and for how long each is kept. Each is made of those of the one before when they are done. */
export const RESOLUTIONS = [
  { stepMs: 10 * SECOND_MS, keptMs: 2 * HOUR_MS },
  { stepMs: 60 * SECOND_MS, keptMs: 48 * HOUR_MS },
  { stepMs: HOUR_MS, keptMs: 90 * DAY_MS },
] as const;
const FINEST_MS = RESOLUTIONS[0].stepMs;

/** Seconds between two writes, and two sweeps. */
const WRITE_EVERY = 2;
const SWEEP_EVERY = 60;
/** Buckets in one statement. */
const ROWS = 2000;
/** Points of one line at most, and lines of one answer. */
const MAX_POINTS = 2000;
const MAX_LINES = 1000;

type ReadRequest = Parameters<SeriesStore["read"]>[0];

export interface SqlSeriesStoreOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

/**
 * Figures over time, in the console's database. What is added is gathered in memory and written every two seconds into buckets of all
 * three lengths at once, so that no rolling up can be missed and late news find their place. Counts of several consoles add up; of figures
 * ("gauges") the newest in a bucket is kept; durations are for one console to add, the one that ingests.
 */
export class SqlSeriesStore implements SeriesStore, Service {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #waiting = new SeriesBuckets(FINEST_MS);
  /** Durations of buckets that were written last, as the store has them. */
  readonly #open = new Map<string, DurationHistogram>();
  readonly #stopping = new AbortController();
  #flushing: Promise<void> = Promise.resolve();
  #prepared: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  #sweptMs = 0;

  constructor({ database, logger, nowMs = Date.now }: SqlSeriesStoreOptions) {
    this.#database = database;
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** Begins to write and to sweep; waits for no database. */
  start(): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#loop ??= this.#keepWriting();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.flush().catch((error: unknown) => {
      this.#logger.warn("the last figures could not be written", { error: String(error) });
    });
  }

  count(metric: string, label: string, by: number, atMs: number): void {
    this.#waiting.count(metric, label, by, atMs);
  }
  observe(metric: string, label: string, seconds: number, atMs: number): void {
    if (Number.isFinite(seconds)) this.#waiting.observe(metric, label, Math.max(0, seconds), atMs);
  }
  gauge(metric: string, label: string, value: number, atMs: number): void {
    if (Number.isFinite(value)) this.#waiting.gauge(metric, label, value, atMs);
  }

  /**
   * Lines by label; of one label where the request names one. Points are `stepMs` apart from `fromMs` (rounded down to a whole step) up
   * to, not including, `toMs`; null where nothing was added, but a sum is 0 there if the line has anything at all.
   */
  async read(request: ReadRequest): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
    await this.#prepare();
    const grid = gridOf(request, this.#nowMs());
    const lines = new Map<string, Cell[]>();
    const put = (bucket: ReadBucket): void => {
      const cell = cellOf(lines, bucket.label, grid, bucket.atMs);
      if (cell) addTo(cell, bucket);
    };
    for (const row of await this.#rows(request, grid)) put(readRow(row));
    for (const bucket of this.#waiting.of(request.metric)) {
      if (request.label === undefined || bucket.label === request.label) put(bucket);
    }
    return new Map([...lines].map(([label, cells]) => [label, cells.map((cell) => pointOf(cell, request.as))]));
  }

  /** Resolves when all that was added so far is written. Rejects with a `StoreError`; it is kept and tried again. */
  async flush(): Promise<void> {
    const done = this.#flushing.then(() => this.#write());
    this.#flushing = done.catch(() => undefined);
    await done;
  }

  async #write(): Promise<void> {
    if (this.#waiting.size === 0) return;
    await this.#prepare();
    const buckets = this.#waiting.take();
    try {
      for (let at = 0; at < buckets.length; at += ROWS) {
        const some = buckets.slice(at, at + ROWS);
        await this.#merge(some);
      }
    } catch (error) {
      this.#waiting.putBack(buckets);
      throw error;
    }
  }

  async #merge(buckets: readonly Bucket[]): Promise<void> {
    const rows = RESOLUTIONS.flatMap(({ stepMs }) => rolledUp(buckets, stepMs));
    const plain = rows.filter(({ durations }) => durations === undefined);
    const added = await this.#withStored(rows.filter(({ durations }) => durations !== undefined));
    await this.#database.write([
      ...(plain.length > 0 ? [addCounts(this.#database, plain)] : []),
      ...(added.length > 0 ? [replaceDurations(this.#database, added)] : []),
    ]);
    for (const row of added) if (row.durations) this.#open.set(keyOf(row), row.durations);
  }

  /** Durations cannot be added up in SQL: what the store has of these buckets is read once, and remembered while they are open. */
  async #withStored(rows: readonly SeriesRow[]): Promise<readonly SeriesRow[]> {
    const unknown = rows.filter((row) => !this.#open.has(keyOf(row)));
    const stored = new Map(this.#open);
    if (unknown.length > 0) {
      const found = await this.#database.all(durationsOf(this.#database, unknown));
      for (const row of found) stored.set(storedKey(row), DurationHistogram.parse(String(row.hist)));
    }
    return rows.map((row) => {
      const before = stored.get(keyOf(row));
      return { ...row, durations: before && row.durations ? before.plus(row.durations) : row.durations };
    });
  }

  async #rows({ metric, label }: ReadRequest, { fromMs, toMs, sourceMs }: Grid): Promise<readonly Row[]> {
    const values = [metric, sourceMs, fromMs, toMs];
    return await this.#database.all({
      sql: `SELECT label, at_ms, value, last_ms, hist FROM series
            WHERE metric = ? AND step_ms = ? AND at_ms >= ? AND at_ms < ?${label === undefined ? "" : " AND label = ?"}
            ORDER BY at_ms`,
      values: label === undefined ? values : [...values, label],
    });
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= this.#database.migrate("series", steps(this.#database)).catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    await this.#prepared;
  }

  async #keepWriting(): Promise<void> {
    const { signal } = this.#stopping;
    let failed = false;
    while (!signal.aborted) {
      await sleep(WRITE_EVERY, signal).catch(() => undefined);
      try {
        await this.flush();
        await this.#sweep();
        failed = false;
      } catch (error) {
        if (!failed) this.#logger.warn("figures could not be written; trying again", { error: String(error) });
        failed = true;
      }
    }
  }

  /** Buckets that nothing more is likely to be added to; what still comes is read from the store again. */
  #forgetClosed(nowMs: number): void {
    for (const key of this.#open.keys()) {
      const [, step, at] = key.split("\n").map(Number);
      if ((at ?? 0) + (step ?? 0) < nowMs - RECENT_MS) this.#open.delete(key);
    }
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sweptMs < SWEEP_EVERY * SECOND_MS) return;
    await this.#prepare();
    this.#sweptMs = nowMs;
    this.#forgetClosed(nowMs);
    await this.#database.write(
      RESOLUTIONS.map(({ stepMs, keptMs }) => ({
        sql: "DELETE FROM series WHERE step_ms = ? AND at_ms < ?",
        values: [stepMs, nowMs - keptMs],
      })),
    );
  }
}

const RECENT_MS = 10 * 60 * SECOND_MS;

function steps({ dialect }: Database): readonly string[] {
  return [
    `CREATE TABLE series (
      metric text NOT NULL,
      step_ms ${dialect.bigint} NOT NULL,
      label text NOT NULL,
      at_ms ${dialect.bigint} NOT NULL,
      value ${dialect.real} NOT NULL,
      last_ms ${dialect.bigint} NOT NULL,
      hist text,
      PRIMARY KEY (metric, step_ms, label, at_ms)
    )`,
    "CREATE INDEX series_by_time ON series (metric, step_ms, at_ms)",
    "CREATE INDEX series_by_age ON series (step_ms, at_ms)",
  ];
}

/** `at` and `step` in milliseconds. `last`: of figures, when the last was taken. */
interface SeriesRow {
  readonly metric: string;
  readonly step: number;
  readonly label: string;
  readonly at: number;
  readonly value: number;
  readonly last: number;
  readonly durations: DurationHistogram | undefined;
}

/** The buckets as rows of a longer step: put together here, so that each row is written once. */
function rolledUp(buckets: readonly Bucket[], stepMs: number): readonly SeriesRow[] {
  const rolled = new SeriesBuckets(stepMs);
  rolled.putBack(buckets);
  return rolled.take().map(({ metric, label, atMs, value, lastMs, kind, durations }) => ({
    metric,
    step: stepMs,
    label,
    at: atMs,
    value,
    // A count has no last instant; its rows are told from figures by that.
    last: kind === "gauge" ? Math.floor(lastMs) : 0,
    durations,
  }));
}

function keyOf({ metric, step, label, at }: SeriesRow): string {
  return `${metric}\n${step}\n${at}\n${label}`;
}
function storedKey(row: Row): string {
  return `${String(row.metric)}\n${String(row.step_ms)}\n${String(row.at_ms)}\n${String(row.label)}`;
}

const COLUMNS = {
  metric: "text",
  step: "bigint",
  label: "text",
  at: "bigint",
  value: "real",
  last: "bigint",
  hist: "text",
} as const;

function rowsOf(rows: readonly SeriesRow[]): string {
  return jsonRowsValue(rows.map(({ durations, ...row }) => ({ ...row, hist: durations ? durations.text : null })));
}

/** Counts are added to, figures replaced by newer ones. */
function addCounts({ dialect }: Database, rows: readonly SeriesRow[]): Statement {
  return {
    sql: `INSERT INTO series (metric, step_ms, label, at_ms, value, last_ms, hist)
          SELECT metric, step, label, at, value, last, NULL FROM ${dialect.jsonRows("?", COLUMNS)} AS r WHERE true
          ON CONFLICT (metric, step_ms, label, at_ms) DO UPDATE SET
            value = CASE WHEN excluded.last_ms = 0 THEN series.value + excluded.value
                         WHEN excluded.last_ms >= series.last_ms THEN excluded.value ELSE series.value END,
            last_ms = CASE WHEN excluded.last_ms > series.last_ms THEN excluded.last_ms ELSE series.last_ms END`,
    values: [rowsOf(rows)],
  };
}

function replaceDurations({ dialect }: Database, rows: readonly SeriesRow[]): Statement {
  return {
    sql: `INSERT INTO series (metric, step_ms, label, at_ms, value, last_ms, hist)
          SELECT metric, step, label, at, value, last, hist FROM ${dialect.jsonRows("?", COLUMNS)} AS r WHERE true
          ON CONFLICT (metric, step_ms, label, at_ms) DO UPDATE SET value = series.value + excluded.value, hist = excluded.hist`,
    values: [rowsOf(rows)],
  };
}

function durationsOf({ dialect }: Database, rows: readonly SeriesRow[]): Statement {
  return {
    sql: `SELECT s.metric, s.step_ms, s.label, s.at_ms, s.hist FROM series AS s
          JOIN ${dialect.jsonRows("?", COLUMNS)} AS r
            ON s.metric = r.metric AND s.step_ms = r.step AND s.label = r.label AND s.at_ms = r.at
          WHERE s.hist IS NOT NULL`,
    values: [rowsOf(rows)],
  };
}

/** Where the points of an answer are, and which buckets they are made of. */
interface Grid {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly points: number;
  readonly sourceMs: number;
}

/** The finest buckets that reach back far enough; not finer than the step, and where they do not divide it, the next. */
function gridOf({ fromMs, toMs, stepMs }: ReadRequest, nowMs: number): Grid {
  const source =
    RESOLUTIONS.findLast(
      (each) => each.stepMs <= stepMs && stepMs % each.stepMs === 0 && nowMs - fromMs <= each.keptMs,
    ) ??
    RESOLUTIONS.find((each) => nowMs - fromMs <= each.keptMs) ??
    RESOLUTIONS[2];
  const step = Math.max(1, Math.round(Math.max(stepMs, source.stepMs)));
  const from = Math.floor(fromMs / step) * step;
  const points = Math.min(MAX_POINTS, Math.max(0, Math.ceil((toMs - from) / step)));
  return { fromMs: from, toMs: from + points * step, stepMs: step, points, sourceMs: source.stepMs };
}

interface ReadBucket {
  readonly label: string;
  readonly atMs: number;
  readonly value: number;
  readonly lastMs: number;
  readonly durations: DurationHistogram | undefined;
}

interface Cell {
  sum: number;
  any: boolean;
  last: number | null;
  lastMs: number;
  durations: DurationHistogram | undefined;
}

function readRow(row: Row): ReadBucket {
  return {
    label: String(row.label),
    atMs: Number(row.at_ms),
    value: Number(row.value),
    lastMs: Number(row.last_ms),
    durations: typeof row.hist === "string" ? DurationHistogram.parse(row.hist) : undefined,
  };
}

function cellOf(lines: Map<string, Cell[]>, label: string, grid: Grid, atMs: number): Cell | undefined {
  const index = Math.floor((atMs - grid.fromMs) / grid.stepMs);
  if (index < 0 || index >= grid.points) return undefined;
  let line = lines.get(label);
  if (!line) {
    if (lines.size >= MAX_LINES) return undefined;
    line = Array.from({ length: grid.points }, () => ({
      sum: 0,
      any: false,
      last: null,
      lastMs: -1,
      durations: undefined,
    }));
    lines.set(label, line);
  }
  return line[index];
}

function addTo(cell: Cell, { value, lastMs, atMs, durations }: ReadBucket): void {
  cell.any = true;
  cell.sum += value;
  const saidMs = Math.max(lastMs, atMs);
  if (saidMs >= cell.lastMs) {
    cell.last = value;
    cell.lastMs = saidMs;
  }
  if (!durations) return;
  cell.durations ??= DurationHistogram.empty();
  cell.durations.addAll(durations);
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

function pointOf(cell: Cell, as: ReadRequest["as"]): number | null {
  switch (as) {
    case "sum":
      return cell.sum;
    case "last":
      return cell.last;
    case "count":
      return cell.durations?.count ?? 0;
    default:
      return cell.durations?.percentile(QUANTILES[as]) ?? null;
  }
}
