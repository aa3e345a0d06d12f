import type { Dialect, Row, Statement } from "./database.js";
import type { DurationHistogram } from "./duration-histogram.js";
import { type Bucket, SeriesBuckets } from "./series-buckets.js";
import { jsonRowsValue } from "./stored-texts.js";

/** The table: a row is what one label of a metric was in one bucket. */
export function seriesMigrations(dialect: Dialect): readonly string[] {
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

/**
 * `at` and `step` in milliseconds. `last`: of figures, when the last was taken; of durations, how often the row was written, by which a
 * console knows that no other has written it since.
 */
export interface SeriesRow {
  readonly metric: string;
  readonly step: number;
  readonly label: string;
  readonly at: number;
  readonly value: number;
  readonly last: number;
  readonly durations: DurationHistogram | undefined;
}

/** The buckets as rows of a longer step: put together here, so that each row is written once. */
export function rolledUp(buckets: readonly Bucket[], stepMs: number): readonly SeriesRow[] {
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

/** Tells rows apart. */
export function keyOf({ metric, step, label, at }: Omit<SeriesRow, "durations">): string {
  return `${metric}\n${step}\n${at}\n${label}`;
}
/** The same of a row as it is stored. */
export function storedKey(row: Row): string {
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
export function addCounts(dialect: Dialect, rows: readonly SeriesRow[]): Statement {
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

/** Durations take the place of what is there, which they have in them: as it was when `last` was one less. Gives the rows it wrote. */
export function replaceDurations(dialect: Dialect, rows: readonly SeriesRow[]): Statement {
  return {
    sql: `INSERT INTO series (metric, step_ms, label, at_ms, value, last_ms, hist)
          SELECT metric, step, label, at, value, last, hist FROM ${dialect.jsonRows("?", COLUMNS)} AS r WHERE true
          ON CONFLICT (metric, step_ms, label, at_ms) DO UPDATE
            SET value = series.value + excluded.value, hist = excluded.hist, last_ms = excluded.last_ms
            WHERE series.last_ms = excluded.last_ms - 1
          RETURNING at_ms`,
    values: [rowsOf(rows)],
    mustGive: rows.length,
  };
}

/** Reads the durations that these rows' buckets have. */
export function durationsOf(dialect: Dialect, rows: readonly SeriesRow[]): Statement {
  return {
    sql: `SELECT s.metric, s.step_ms, s.label, s.at_ms, s.last_ms, s.hist FROM series AS s
          JOIN ${dialect.jsonRows("?", COLUMNS)} AS r
            ON s.metric = r.metric AND s.step_ms = r.step AND s.label = r.label AND s.at_ms = r.at
          WHERE s.hist IS NOT NULL`,
    values: [rowsOf(rows)],
  };
}
