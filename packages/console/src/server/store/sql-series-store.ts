import type { Logger } from "lovage";
import { type Service, sleep } from "lovage/internal";
import type { Database, Row } from "./database.js";
import { DurationHistogram } from "./duration-histogram.js";
import { type Bucket, SeriesBuckets } from "./series-buckets.js";
import { type LineBucket, SeriesPoints } from "./series-points.js";
import {
  addCounts,
  durationsOf,
  keyOf,
  replaceDurations,
  rolledUp,
  type SeriesRow,
  seriesMigrations,
  storedKey,
} from "./series-rows.js";
import { RESOLUTIONS, type SeriesRequest, type SeriesStore } from "./series-store.js";
import { StoreError, UnmetError } from "./store-error.js";

/** Seconds between two writes, and two sweeps. */
const WRITE_EVERY = 2;
const SWEEP_EVERY = 60;
/** Buckets in one statement. */
const ROWS = 2000;
/** Tries to add durations to buckets that another console adds to as well. */
const TRIES = 5;
/** Buckets that nothing more is likely to be added to are older than this, in milliseconds. */
const RECENT_MS = 10 * 60 * 1000;

export interface SqlSeriesStoreOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

/** What the store has in a bucket, and its row's `last`. */
interface StoredDurations {
  readonly durations: DurationHistogram;
  readonly last: number;
}

/**
 * Figures over time, in the console's database. What is added is gathered in memory and written every two seconds into buckets of all
 * three lengths at once, so that no rolling up can be missed and late news find their place. Counts and durations of several consoles add
 * up; of figures ("gauges") the newest in a bucket is kept.
 */
export class SqlSeriesStore implements SeriesStore, Service {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #waiting: SeriesBuckets;
  /** Durations of buckets that were written last, as the store has them unless another console has written since. */
  readonly #open = new Map<string, StoredDurations>();
  readonly #stopping = new AbortController();
  #flushing: Promise<void> = Promise.resolve();
  #prepared: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  #sweptMs = 0;

  constructor({ database, logger, nowMs = Date.now }: SqlSeriesStoreOptions) {
    this.#database = database;
    this.#logger = logger;
    this.#nowMs = nowMs;
    this.#waiting = new SeriesBuckets(RESOLUTIONS[0].stepMs, nowMs);
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

  async read(request: SeriesRequest): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
    await this.#prepare();
    const points = new SeriesPoints(request, this.#nowMs());
    for (const row of await this.#rows(request, points)) points.put(readRow(row));
    for (const bucket of this.#waiting.of(request.metric)) {
      if (request.label === undefined || bucket.label === request.label) points.put(bucket);
    }
    return points.lines();
  }

  async flush(): Promise<void> {
    const done = this.#flushing.then(() => this.#write());
    this.#flushing = done.catch(() => undefined);
    await done;
  }

  async #write(): Promise<void> {
    if (this.#waiting.size === 0) return;
    await this.#prepare();
    const buckets = this.#waiting.take();
    let at = 0;
    try {
      for (; at < buckets.length; at += ROWS) await this.#merge(buckets.slice(at, at + ROWS));
    } catch (error) {
      // Those before are written.
      this.#waiting.putBack(buckets.slice(at));
      throw error;
    }
  }

  async #merge(buckets: readonly Bucket[]): Promise<void> {
    const rows = RESOLUTIONS.flatMap(({ stepMs }) => rolledUp(buckets, stepMs));
    const plain = rows.filter(({ durations }) => durations === undefined);
    const durations = rows.filter((row) => row.durations !== undefined);
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#add(plain, durations);
        return;
      } catch (error) {
        if (!(error instanceof UnmetError)) throw error;
        // Another console has added to them meanwhile.
        for (const row of durations) this.#open.delete(keyOf(row));
        if (tries === TRIES) throw new StoreError("several consoles write the same figures", { cause: error });
      }
    }
  }

  /** All or nothing. */
  async #add(plain: readonly SeriesRow[], durations: readonly SeriesRow[]): Promise<void> {
    const added = await this.#withStored(durations);
    const { dialect } = this.#database;
    await this.#database.write([
      ...(plain.length > 0 ? [addCounts(dialect, plain)] : []),
      ...(added.length > 0 ? [replaceDurations(dialect, added)] : []),
    ]);
    for (const { durations: all, ...row } of added)
      if (all) this.#open.set(keyOf(row), { durations: all, last: row.last });
  }

  /** Durations cannot be added up in SQL: what the store has of these buckets is read once, and remembered while they are open. */
  async #withStored(rows: readonly SeriesRow[]): Promise<readonly SeriesRow[]> {
    const unknown = rows.filter((row) => !this.#open.has(keyOf(row)));
    const stored = new Map(this.#open);
    if (unknown.length > 0) {
      const found = await this.#database.all(durationsOf(this.#database.dialect, unknown));
      for (const row of found) {
        stored.set(storedKey(row), { durations: DurationHistogram.parse(String(row.hist)), last: Number(row.last_ms) });
      }
    }
    return rows.map((row) => {
      const before = stored.get(keyOf(row));
      if (!before || !row.durations) return { ...row, last: 1 };
      return { ...row, durations: before.durations.plus(row.durations), last: before.last + 1 };
    });
  }

  async #rows({ metric, label }: SeriesRequest, { fromMs, toMs, sourceMs }: SeriesPoints): Promise<readonly Row[]> {
    const values = [metric, sourceMs, fromMs, toMs];
    return await this.#database.all({
      sql: `SELECT label, at_ms, value, last_ms, hist FROM series
            WHERE metric = ? AND step_ms = ? AND at_ms >= ? AND at_ms < ?${label === undefined ? "" : " AND label = ?"}
            ORDER BY at_ms`,
      values: label === undefined ? values : [...values, label],
    });
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= this.#database
      .migrate("series", seriesMigrations(this.#database.dialect))
      .catch((error: unknown) => {
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

  /** What still comes for them is read from the store again. */
  #forgetClosed(nowMs: number): void {
    for (const key of this.#open.keys()) {
      const [, step, at] = key.split("\n").map(Number);
      if ((at ?? 0) + (step ?? 0) < nowMs - RECENT_MS) this.#open.delete(key);
    }
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sweptMs < SWEEP_EVERY * 1000) return;
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

function readRow(row: Row): LineBucket {
  return {
    label: String(row.label),
    atMs: Number(row.at_ms),
    value: Number(row.value),
    lastMs: Number(row.last_ms),
    durations: typeof row.hist === "string" ? DurationHistogram.parse(row.hist) : undefined,
  };
}
