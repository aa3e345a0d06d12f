import { setImmediate } from "node:timers/promises";
import type { Database, Row, SqlValue } from "./database.js";
import { bound, columnsOf, orderSql, type Position, positionOf, type Stretch, stretchCondition } from "./task-order.js";
import { type Condition, joined, type Lead } from "./task-query.js";
import { RECORD_COLUMNS } from "./task-rows.js";

/** Rows that are looked at in one statement, at first, at least and at most. */
const FIRST_SLICE = 2_000;
const LEAST_SLICE = 500;
const LARGEST_SLICE = 50_000;
/** A statement should take about this long: in SQLite nothing else runs meanwhile. */
const SLICE_MS = 20;

/** What is walked: one index, and which of its rows are wanted. */
export interface Walk {
  readonly stretch: Stretch;
  /** Of the index's own column, as in `state = ?`. */
  readonly lead: Lead | undefined;
  readonly where: Condition | undefined;
  readonly behind: Position | undefined;
}

export interface Slice {
  readonly rows: readonly Row[];
  /** Rows were looked at up to and with this one; undefined: to the end. */
  readonly until: Position | undefined;
}

/**
 * Walks along an index in slices, so that rows far apart are found without holding up whatever else there is to do. One for each search: what
 * a row costs differs a hundredfold between indexes that lie as the rows do and such as lead all over the file.
 */
export class TaskScan {
  readonly #database: Database;
  #size = FIRST_SLICE;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The first `limit` rows that match, or those within the next slice. One that looks at nothing but what it returns is not cut. */
  async take(walk: Walk, limit: number): Promise<Slice> {
    const { where } = walk;
    if (!where) return { rows: await this.#rows(walk, undefined, limit), until: undefined };
    const until = await this.#border(walk);
    const rows = await this.#measured(() => this.#rows(walk, until, limit));
    return { rows, until };
  }

  /** The first `limit` of these rows, in the order of the stretch. */
  async among(seqs: readonly number[], { stretch, behind }: Walk, limit: number): Promise<readonly Row[]> {
    const parts = [...stretchCondition(stretch), ...(behind ? [bound(stretch, behind, "behind")] : [])];
    const { dialect } = this.#database;
    const some = {
      sql: `seq IN (SELECT r.seq FROM ${dialect.jsonRows("?", { seq: "bigint" })} AS r)`,
      values: [JSON.stringify(seqs.map((seq) => ({ seq })))],
    };
    const where = joined(" AND ", [some, ...parts]);
    return await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} FROM ${dialect.readAlong("tasks", null)} WHERE ${where.sql} ORDER BY ${orderSql(stretch)} LIMIT ?`,
      values: [...where.values, limit],
    });
  }

  /** Counts per state within the next slice; `later` are PENDING with an ETA to come. */
  async count(walk: Walk, nowMs: number): Promise<Slice> {
    const until = await this.#border(walk);
    const rows = await this.#measured(() => this.#counts(walk, until, nowMs));
    return { rows, until };
  }

  async #rows(walk: Walk, until: Position | undefined, limit: number): Promise<Row[]> {
    const where = this.#where(walk, until);
    return await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} ${this.#from(walk)} ${where.sql} ORDER BY ${orderSql(walk.stretch)} LIMIT ?`,
      values: [...where.values, limit],
    });
  }

  async #counts(walk: Walk, until: Position | undefined, nowMs: number): Promise<Row[]> {
    const where = this.#where(walk, until);
    const later = "CASE WHEN state = 'PENDING' AND eta_ms > ? THEN 1 ELSE 0 END";
    return await this.#database.all({
      sql: `SELECT state, ${later} AS later, count(*) AS tasks ${this.#from(walk)} ${where.sql} GROUP BY 1, 2`,
      values: [nowMs, ...where.values],
    });
  }

  /** The last row of the next slice, found in the index alone. */
  async #border(walk: Walk): Promise<Position | undefined> {
    const { stretch } = walk;
    const where = this.#where({ ...walk, where: undefined }, undefined);
    const columns = columnsOf(stretch).join(", ");
    const values: SqlValue[] = [...where.values, this.#size];
    const row = await this.#database.get({
      sql: `SELECT ${columns} ${this.#from(walk)} ${where.sql} ORDER BY ${orderSql(stretch)} LIMIT 1 OFFSET ?`,
      values,
    });
    return row && { ...positionOf(stretch.order, row), inNulls: stretch.inNulls };
  }

  /** Runs a slice, lets others have their turn, and makes the next one longer or shorter. */
  async #measured<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    const tookMs = Math.max(0.5, performance.now() - started);
    const size = this.#size * Math.min(4, Math.max(0.25, SLICE_MS / tookMs));
    this.#size = Math.round(Math.min(LARGEST_SLICE, Math.max(LEAST_SLICE, size)));
    await setImmediate();
    return result;
  }

  #from({ stretch, lead }: Walk): string {
    return `FROM ${this.#database.dialect.readAlong("tasks", lead?.index ?? stretch.order.index)}`;
  }

  #where({ stretch, lead, where, behind }: Walk, until: Position | undefined): Condition {
    const parts = [
      ...(lead ? [lead] : stretchCondition(stretch)),
      ...(behind ? [bound(stretch, behind, "behind")] : []),
      ...(until ? [bound(stretch, until, "until")] : []),
      ...(where ? [where] : []),
    ];
    if (parts.length === 0) return { sql: "", values: [] };
    const all = joined(" AND ", parts);
    return { sql: `WHERE ${all.sql}`, values: all.values };
  }
}
