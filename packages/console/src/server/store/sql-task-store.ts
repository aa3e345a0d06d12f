import type { TaskFilter } from "../../api/tasks.js";
import { BlockSearch } from "./block-search.js";
import { textOf } from "./column-values.js";
import type { Database, Statement } from "./database.js";
import { jsonRowsValue, storable } from "./stored-texts.js";
import { recount, TaskCounts } from "./task-counts.js";
import { readErrorGroups } from "./task-failures.js";
import { TaskLists } from "./task-lists.js";
import { readLogs, readLogsOfRuns } from "./task-logs.js";
import { compileFilter, parseFilter } from "./task-query.js";
import type { StoredEvent, StoredLog, TaskRecord } from "./task-record.js";
import { removeTasks, sweepTasks } from "./task-removal.js";
import { keptId, putEvents, putLogs, putRecords, RECORD_COLUMNS, toEvent, toRecord } from "./task-rows.js";
import type {
  ErrorGroupRequest,
  ErrorGroupRow,
  RetentionLimits,
  RunLogsRequest,
  TaskBatch,
  TaskListRequest,
  TaskListResult,
  TaskStore,
  TaskTypeRow,
} from "./task-store.js";
import { taskMigrations, UNFINISHED } from "./task-tables.js";
import { readTaskTypes } from "./task-types.js";

/** Tasks in the console's database. `open()` brings the tables. */
export class SqlTaskStore implements TaskStore {
  readonly #database: Database;
  readonly #blocks: BlockSearch;
  readonly #counts: TaskCounts;
  readonly #lists: TaskLists;

  /** @param options.searchMs milliseconds that one page of a list may search */
  constructor({ database, searchMs }: { readonly database: Database; readonly searchMs?: number }) {
    this.#database = database;
    this.#blocks = new BlockSearch(database);
    this.#counts = new TaskCounts({ database, blocks: this.#blocks });
    this.#lists = new TaskLists({ database, counts: this.#counts, blocks: this.#blocks, searchMs });
  }

  /** Makes the tables, or brings them up to date. The database is open already. */
  async open(): Promise<void> {
    await this.#database.migrate("tasks", taskMigrations(this.#database.dialect));
    // In the background: until it is done, or when the store is closed or fails before, searches go through everything.
    this.#blocks.prepare().catch(() => undefined);
  }

  async put(
    { records, events, logs }: TaskBatch,
    onlyIf?: Statement,
  ): Promise<{ readonly logSeqs: readonly number[] }> {
    const { dialect } = this.#database;
    const last = [...new Map(records.map((record) => [keptId(record.id), record])).values()];
    const ids = last.map(({ id }) => keptId(id));
    const put = putRecords(dialect, last);
    const first = onlyIf ? [{ ...onlyIf, mustGive: 1 }] : [];
    const before = [
      ...first,
      ...(ids.length > 0 ? [recount(this.#database, ids, -1)] : []),
      ...put,
      ...(ids.length > 0 ? [recount(this.#database, ids, 1)] : []),
      ...putEvents(dialect, events),
    ];
    const logWrites = putLogs(dialect, logs);
    const results = await this.#database.write([...before, ...logWrites.statements]);
    // The records' own statements come second, or third.
    const written = results.slice(first.length + 1, first.length + 1 + put.length).flat();
    this.#blocks.note(
      last,
      written.map(({ seq }) => Number(seq)),
    );
    return { logSeqs: logWrites.seqs(results.slice(before.length)) };
  }

  async get(id: string): Promise<TaskRecord | undefined> {
    const row = await this.#database.get({
      sql: `SELECT ${RECORD_COLUMNS} FROM tasks WHERE id = ?`,
      values: [keptId(id)],
    });
    return row && toRecord(row);
  }

  async getMany(ids: readonly string[]): Promise<readonly TaskRecord[]> {
    if (ids.length === 0) return [];
    const kept = [...new Set(ids.map(keptId))];
    const rows = await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} FROM tasks WHERE id IN (SELECT r.id FROM ${this.#database.dialect.jsonRows("?", { id: "text" })} AS r)`,
      values: [jsonRowsValue(kept.map((id) => ({ id })))],
    });
    const byId = new Map(rows.map((row) => [textOf(row.id), toRecord(row)]));
    return kept.flatMap((id) => byId.get(id) ?? []);
  }

  async list(request: TaskListRequest): Promise<TaskListResult> {
    return await this.#lists.list(request);
  }

  async idsMatching(
    filter: TaskFilter,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<readonly string[]> {
    return await this.#lists.idsMatching(filter, page);
  }

  async matching(filter: TaskFilter, ids: readonly string[], nowMs: number): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const { dialect } = this.#database;
    const where = compileFilter(parseFilter(filter), dialect, nowMs);
    const rows = await this.#database.all({
      sql: `SELECT id FROM tasks WHERE id IN (SELECT r.id FROM ${dialect.jsonRows("?", { id: "text" })} AS r)${where ? ` AND ${where.sql}` : ""}`,
      values: [jsonRowsValue(ids.map((id) => ({ id: keptId(id) }))), ...(where?.values ?? [])],
    });
    const found = new Set(rows.map((row) => textOf(row.id)));
    return new Set(ids.filter((id) => found.has(keptId(id))));
  }

  async countMatching(filter: TaskFilter): Promise<number> {
    return await this.#counts.exactly(filter);
  }

  async family(rootId: string, limit: number): Promise<readonly TaskRecord[]> {
    const root = await this.get(rootId);
    // `root_id <> id` lets both databases use the index, which leaves out tasks that are families of one.
    const rows = await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} FROM tasks WHERE root_id = ? AND root_id <> id ORDER BY at_ms, seq LIMIT ?`,
      values: [keptId(rootId), limit],
    });
    return [...(root ? [root] : []), ...rows.map(toRecord)].slice(0, limit);
  }

  async childrenOf(id: string, limit: number): Promise<readonly string[]> {
    return await this.#ids("parent_id = ? ORDER BY at_ms, seq LIMIT ?", [keptId(id), limit]);
  }

  async rerunsOf(id: string): Promise<readonly string[]> {
    return await this.#ids("rerun_of = ? ORDER BY seq LIMIT 1000", [keptId(id)]);
  }

  async #ids(where: string, values: readonly (string | number)[]): Promise<string[]> {
    const rows = await this.#database.all({ sql: `SELECT id FROM tasks WHERE ${where}`, values });
    return rows.map((row) => textOf(row.id));
  }

  async events(id: string): Promise<readonly StoredEvent[]> {
    const rows = await this.#database.all({
      sql: `SELECT e.type, e.at_ms, e.worker, e.clock, e.attempt, e.fields_json FROM tasks t JOIN task_events e ON e.task = t.seq
        WHERE t.id = ? ORDER BY e.seq`,
      values: [keptId(id)],
    });
    return rows.map((row) => toEvent(id, row));
  }

  async logs(
    id: string,
    options: { readonly afterSeq: number; readonly limit: number },
  ): Promise<readonly (StoredLog & { readonly seq: number })[]> {
    return await readLogs(this.#database, id, options);
  }

  async logsOfRuns(
    runIds: readonly string[],
    request: RunLogsRequest,
  ): Promise<readonly (StoredLog & { readonly seq: number; readonly runId: string })[]> {
    return runIds.length === 0 ? [] : await readLogsOfRuns(this.#database, runIds, request);
  }

  async errorGroups(request: ErrorGroupRequest): Promise<readonly ErrorGroupRow[]> {
    return await readErrorGroups(this.#database, request);
  }

  async taskTypes(sinceMs: number, name?: string): Promise<readonly TaskTypeRow[]> {
    return await readTaskTypes(this.#database, sinceMs, name);
  }

  async unfinished(options: {
    readonly worker?: string;
    readonly states: readonly string[];
    readonly limit: number;
    readonly afterId?: string;
  }): Promise<readonly TaskRecord[]> {
    const { worker, states, limit, afterId } = options;
    if (states.length === 0) return [];
    const ofWorker = worker === undefined ? "" : " AND worker = ?";
    const rows = await this.#database.all({
      sql: `SELECT ${RECORD_COLUMNS} FROM tasks WHERE ${UNFINISHED} AND id > ? AND state IN (${states.map(() => "?").join(", ")})${ofWorker}
        ORDER BY id LIMIT ?`,
      values: [afterId ?? "", ...states.map(storable), ...(worker === undefined ? [] : [keptId(worker)]), limit],
    });
    return rows.map(toRecord);
  }

  async stateCounts(): Promise<Readonly<Record<string, number>>> {
    return await this.#counts.states(Date.now());
  }

  async forget(ids: readonly string[]): Promise<number> {
    return await removeTasks(this.#database, ids);
  }

  async sweep(limits: RetentionLimits, nowMs: number): Promise<number> {
    const removed = await sweepTasks(this.#database, limits, nowMs);
    if (removed > 0) await this.#blocks.forgetSwept();
    return removed;
  }
}
