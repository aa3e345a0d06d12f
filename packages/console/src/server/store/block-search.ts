import { setImmediate } from "node:timers/promises";
import type { Database, Row, SqlValue } from "./database.js";
import { type Block, SearchBlocks } from "./search-blocks.js";
import { orderSql, type Position, type Stretch } from "./task-order.js";
import type { Condition, FilterNode } from "./task-query.js";
import type { TaskRecord } from "./task-record.js";
import { atMs, RECORD_COLUMNS, toRecord } from "./task-rows.js";

/** Tasks that are noted in one go, when the store is opened. */
const NOTE_STEP = 1_000;
/** Milliseconds between two goes: half of the time is left to others. */
const NOTE_PAUSE_MS = 10;
/** Blocks that are looked through for all that matches: about 25,000 tasks, some 60 ms. */
const FEW_BLOCKS = 200;
/** More are found soon by walking along an index. */
const FEW_TASKS = 2_000;
/** Others have their turn after about this many milliseconds. */
const TURN_MS = 15;

export interface BlockQuestion {
  readonly node: FilterNode;
  readonly where: Condition;
  /** When to stop: `performance.now()`. */
  readonly deadlineMs: number;
}

/**
 * Searches by the blocks of tasks that may match. Good for one process: when another has written to the database, or before all that was
 * there is noted, it is not ready, and searches go through everything instead; so they always do where several processes write.
 */
export class BlockSearch {
  readonly #database: Database;
  readonly #blocks = new SearchBlocks();
  /** The table, as its rows lie: a block is a stretch of them. */
  readonly #tasks: string;
  #version: SqlValue | undefined;
  #isReady = false;

  constructor(database: Database) {
    this.#database = database;
    this.#tasks = database.dialect.readAlong("tasks", null);
  }

  /** Notes what is in the store, the newest first, in the background; what is written meanwhile is noted by `note`. */
  async prepare(): Promise<void> {
    if (!this.#canNote) return;
    this.#version = await this.#dataVersion();
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const rows = await this.#database.all({
        sql: `SELECT ${RECORD_COLUMNS} FROM tasks WHERE seq < ? ORDER BY seq DESC LIMIT ${NOTE_STEP}`,
        values: [before],
      });
      for (const row of rows) this.#blocks.note(Number(row.seq), Number(row.at_ms), toRecord(row));
      const last = rows.at(-1);
      if (!last) break;
      before = Number(last.seq);
      await new Promise<void>((resolve) => void globalThis.setTimeout(resolve, NOTE_PAUSE_MS).unref());
    }
    this.#isReady = true;
  }

  /** Notes records that were written, with the `seq` of each. */
  note(records: readonly TaskRecord[], seqs: readonly number[]): void {
    if (!this.#canNote) return;
    for (const [at, record] of records.entries()) {
      const seq = seqs[at];
      if (seq !== undefined) this.#blocks.note(seq, atMs(record), record);
    }
  }

  async forgetSwept(): Promise<void> {
    const row = await this.#database.get({ sql: "SELECT min(seq) AS seq FROM tasks" });
    this.#blocks.forgetBefore(typeof row?.seq === "number" ? row.seq : Number.MAX_SAFE_INTEGER);
  }

  /** Whether everything is noted, and nobody else writes to the file. */
  async isReady(): Promise<boolean> {
    if (!this.#isReady) return false;
    this.#isReady = (await this.#dataVersion()) === this.#version;
    return this.#isReady;
  }

  /** The first `limit` that match behind a position, by when they were received. `next`: time was over, and the search goes on there. */
  async find(
    question: BlockQuestion & {
      readonly stretch: Stretch;
      readonly behind: Position | undefined;
      readonly limit: number;
    },
  ): Promise<{ readonly rows: readonly Row[]; readonly next: Position | undefined }> {
    const { stretch, behind, limit } = question;
    const { descending } = stretch.order;
    const edge = (block: Block): number => (descending ? block.maxAtMs : -block.minAtMs);
    const farEnd = (block: Block): number => (descending ? block.minAtMs : -block.maxAtMs);
    const key = (row: Row): number => Number(row.at_ms) * (descending ? 1 : -1);
    const start = behind ? Number(behind.values[0]) * (descending ? 1 : -1) : Number.POSITIVE_INFINITY;
    const blocks = this.#blocks
      .candidates(question.node)
      .filter((block) => farEnd(block) <= start)
      .sort((one, other) => edge(other) - edge(one));
    let found: Row[] = [];
    const turns = new Turns();
    for (const [at, block] of blocks.entries()) {
      const border = edge(block);
      const last = found[limit - 1];
      // All that is left was received before the last of the page.
      if (last && key(last) > border) break;
      if (at > 0 && performance.now() > question.deadlineMs)
        return cutAt(
          found.filter((row) => key(row) > border),
          border,
          descending,
        );
      found = merged(found, await this.#rowsOf(block, question), stretch, limit);
      await turns.take();
    }
    return { rows: found, next: undefined };
  }

  /** The `seq` of all that match, where few blocks may hold any; undefined where there are too many, or time is over. */
  async few({ node, where, deadlineMs }: BlockQuestion): Promise<readonly number[] | undefined> {
    const blocks = this.#blocks.candidates(node);
    if (blocks.length > FEW_BLOCKS) return undefined;
    const found: number[] = [];
    const turns = new Turns();
    for (const { fromSeq, toSeq } of blocks) {
      if (found.length > FEW_TASKS || performance.now() > deadlineMs) return undefined;
      const rows = await this.#database.all({
        sql: `SELECT seq FROM ${this.#tasks} WHERE seq >= ? AND seq < ? AND ${where.sql}`,
        values: [fromSeq, toSeq, ...where.values],
      });
      found.push(...rows.map(({ seq }) => Number(seq)));
      await turns.take();
    }
    return found;
  }

  /** Counts what matches per state; `share` of the blocks were looked into before time, or `most`, was reached. */
  async count(
    question: BlockQuestion & { readonly nowMs: number; readonly most: number },
  ): Promise<{ readonly rows: readonly Row[]; readonly share: number }> {
    const blocks = this.#blocks.candidates(question.node).sort((one, other) => other.fromSeq - one.fromSeq);
    const rows: Row[] = [];
    const turns = new Turns();
    let counted = 0;
    for (const [at, { fromSeq, toSeq }] of blocks.entries()) {
      const isOver = performance.now() > question.deadlineMs || counted > question.most;
      if (at > 0 && isOver) return { rows, share: at / blocks.length };
      const some = await this.#database.all({
        sql: `SELECT state, CASE WHEN state = 'PENDING' AND eta_ms > ? THEN 1 ELSE 0 END AS later, count(*) AS tasks
          FROM ${this.#tasks} WHERE seq >= ? AND seq < ? AND ${question.where.sql} GROUP BY 1, 2`,
        values: [question.nowMs, fromSeq, toSeq, ...question.where.values],
      });
      rows.push(...some);
      counted += some.reduce((sum, row) => sum + Number(row.tasks), 0);
      await turns.take();
    }
    return { rows, share: 1 };
  }

  async #rowsOf(
    { fromSeq, toSeq }: Block,
    {
      where,
      stretch,
      behind,
      limit,
    }: BlockQuestion & { readonly stretch: Stretch; readonly behind: Position | undefined; readonly limit: number },
  ): Promise<Row[]> {
    const beyond = behind ? ` AND (at_ms, seq) ${stretch.order.descending ? "<" : ">"} (?, ?)` : "";
    return await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} FROM ${this.#tasks} WHERE seq >= ? AND seq < ?${beyond} AND ${where.sql}
        ORDER BY ${orderSql(stretch)} LIMIT ?`,
      values: [fromSeq, toSeq, ...(behind ? behind.values : []), ...where.values, limit],
    });
  }

  get #canNote(): boolean {
    return this.#database.dialect.writesOfOthers !== undefined;
  }

  async #dataVersion(): Promise<SqlValue | undefined> {
    const { writesOfOthers: sql } = this.#database.dialect;
    const row = sql === undefined ? undefined : await this.#database.get({ sql });
    return row && Object.values(row)[0];
  }
}

/** Gives the event loop its turn now and then: reading SQLite never does. */
class Turns {
  #sinceMs = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.#sinceMs < TURN_MS) return;
    await setImmediate();
    this.#sinceMs = performance.now();
  }
}

function merged(found: readonly Row[], more: readonly Row[], { order }: Stretch, limit: number): Row[] {
  if (more.length === 0) return [...found];
  const sign = order.descending ? -1 : 1;
  return [...found, ...more]
    .sort((one, other) => sign * (Number(one.at_ms) - Number(other.at_ms) || Number(one.seq) - Number(other.seq)))
    .slice(0, limit);
}

/** What was received at the border itself may still be to come: the search goes on with all of it. */
function cutAt(
  rows: readonly Row[],
  border: number,
  descending: boolean,
): { readonly rows: readonly Row[]; readonly next: Position } {
  const values = descending ? [border, Number.MAX_SAFE_INTEGER] : [-border, -1];
  return { rows, next: { values, inNulls: false } };
}
