import type { TaskFilter } from "../../api/tasks.js";
import type { BlockSearch } from "./block-search.js";
import { textOf } from "./column-values.js";
import type { Database, Row } from "./database.js";
import type { TaskCounts } from "./task-counts.js";
import {
  BY_ID,
  decodeCursor,
  encodeCursor,
  type Position,
  parseOrder,
  positionOf,
  type Stretch,
  stretchesOf,
  type TaskOrder,
} from "./task-order.js";
import { compileFilter, leadOf, parseFilter } from "./task-query.js";
import { toRecord } from "./task-rows.js";
import { TaskScan, type Walk } from "./task-scan.js";
import type { StoreFilter, TaskListRequest, TaskListResult } from "./task-store.js";

/** Milliseconds that one page may search: with its counts, and the statement that is running when time is over, it stays below the 300 that a list may take. */
const SEARCH_MS = 170;

/** Slices of the newest tasks that are gone through before blocks are looked for. */
const SLICES_BEFORE_BLOCKS = 1;

/** What a page asks for. */
interface Question {
  readonly filter: StoreFilter;
  readonly order: TaskOrder;
  readonly behind: Position | undefined;
  readonly limit: number;
  readonly nowMs: number;
}

/** Where a search ended. */
interface Found {
  readonly rows: readonly Row[];
  /** Undefined on the last page. */
  readonly next: Position | undefined;
  /** Whether time was over before the page was full. */
  readonly cutShort: boolean;
}

export interface TaskListsOptions {
  readonly database: Database;
  readonly counts: TaskCounts;
  readonly blocks: BlockSearch;
  /** Milliseconds. @default 170 */
  readonly searchMs: number | undefined;
}

/** Pages of the task list. */
export class TaskLists {
  readonly #database: Database;
  readonly #counts: TaskCounts;
  readonly #blocks: BlockSearch;
  readonly #searchMs: number;

  constructor(options: TaskListsOptions) {
    this.#database = options.database;
    this.#blocks = options.blocks;
    this.#counts = options.counts;
    this.#searchMs = options.searchMs ?? SEARCH_MS;
  }

  /** Throws a `SearchError` or a `TaskListError` for what cannot be asked. */
  async list({ filter, sort, limit, cursor }: TaskListRequest): Promise<TaskListResult> {
    const order = parseOrder(sort);
    const behind = cursor === undefined ? undefined : decodeCursor(order, cursor);
    const nowMs = Date.now();
    const { rows, next, cutShort } = await this.#find({ filter, order, behind, limit, nowMs });
    const counted = await this.#counts.facets(filter, nowMs);
    return {
      records: rows.map(toRecord),
      nextCursor: next ? encodeCursor(order, next) : null,
      ...counted,
      ...(cutShort ? { searchedToMs: searchedTo(order, next) } : {}),
    };
  }

  /** Ids that match, a page at a time, in the order of the ids. */
  async idsMatching(
    filter: TaskFilter,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<string[]> {
    const behind = page.after === undefined ? undefined : { values: [page.after], inNulls: false };
    const question = { filter, order: BY_ID, behind, limit: page.limit, nowMs: Date.now() };
    const { rows } = await this.#find(question, Number.POSITIVE_INFINITY);
    return rows.map((row) => textOf(row.id));
  }

  async #find(question: Question, searchMs = this.#searchMs): Promise<Found> {
    const { filter, order, limit, nowMs } = question;
    const node = parseFilter(filter);
    // An index of one column's tasks has them in the order in which they were received.
    const lead = order.name === "received" ? leadOf(node) : undefined;
    const where = lead?.isAll ? undefined : compileFilter(node, this.#database.dialect, nowMs);
    const deadlineMs = performance.now() + searchMs;
    const hasBlocks = where !== undefined && (await this.#blocks.isReady());
    const byBlocks = hasBlocks && order.name === "received";
    const scan = new TaskScan(this.#database);
    const rows: Row[] = [];
    let { behind } = question;
    if (hasBlocks && !byBlocks && order.name !== "id") {
      // Along the index of another column, what is rare may be anywhere.
      const few = await this.#blocks.few({ node, where, deadlineMs: deadlineMs - searchMs / 2 });
      if (few) return await this.#pageOf(few, question, scan);
    }
    for (const stretch of stretchesFrom(order, behind)) {
      let slices = 0;
      for (let walk: Walk | undefined = { stretch, lead, where, behind }; walk; ) {
        // What is frequent was found by now; what is rare is found sooner where it may be.
        if (byBlocks && slices++ === SLICES_BEFORE_BLOCKS) {
          const searched = { node, where, deadlineMs, stretch, behind: walk.behind, limit: limit + 1 - rows.length };
          const rest = await this.#blocks.find(searched);
          return paged(order, [...rows, ...rest.rows], limit, rest.next);
        }
        const slice = await scan.take(walk, limit + 1 - rows.length);
        rows.push(...slice.rows);
        if (rows.length > limit) return paged(order, rows, limit, undefined);
        if (slice.until && !byBlocks && performance.now() > deadlineMs)
          return { rows, next: slice.until, cutShort: true };
        walk = slice.until && { ...walk, behind: slice.until };
      }
      behind = undefined;
    }
    return { rows, next: undefined, cutShort: false };
  }

  /** A page of those that are known to match. */
  async #pageOf(
    seqs: readonly number[],
    { order, behind, limit }: Pick<Question, "order" | "behind" | "limit">,
    scan: TaskScan,
  ): Promise<Found> {
    const rows: Row[] = [];
    for (const [at, stretch] of stretchesFrom(order, behind).entries()) {
      const walk = { stretch, lead: undefined, where: undefined, behind: at === 0 ? behind : undefined };
      rows.push(...(await scan.among(seqs, walk, limit + 1 - rows.length)));
      if (rows.length > limit) break;
    }
    return paged(order, rows, limit, undefined);
  }
}

/** `next`: where the search goes on when it did not find enough. */
function paged(order: TaskOrder, rows: readonly Row[], limit: number, next: Position | undefined): Found {
  const last = rows[limit - 1];
  if (rows.length > limit && last)
    return { rows: rows.slice(0, limit), next: positionOf(order, last), cutShort: false };
  return { rows, next, cutShort: next !== undefined };
}

function stretchesFrom(order: TaskOrder, behind: Position | undefined): readonly Stretch[] {
  const stretches = stretchesOf(order);
  return behind?.inNulls ? stretches.filter(({ inNulls }) => inNulls) : stretches;
}

function searchedTo(order: TaskOrder, next: Position | undefined): number | null {
  const [key] = next?.values ?? [];
  return order.name === "received" && typeof key === "number" ? key : null;
}
