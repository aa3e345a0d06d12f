import type { TaskFilter } from "../../api/tasks.js";
import type { Statement } from "./database.js";
import type { StoredEvent, StoredLog, TaskRecord } from "./task-record.js";

/** What ingestion writes at once. Records replace those of their ids whole: one console ingests at a time. */
export interface TaskBatch {
  readonly records: readonly TaskRecord[];
  readonly events: readonly StoredEvent[];
  readonly logs: readonly StoredLog[];
}

/** A filter as the store takes it. */
export interface StoreFilter extends TaskFilter {
  /** Whether what tasks were given and gave may be looked into: who must not see it must not find out by searching either. @default true */
  readonly searchesPayloads?: boolean;
}

export interface TaskListRequest {
  readonly filter: StoreFilter;
  /** A sort of the API, as in `-received`. */
  readonly sort: string;
  readonly limit: number;
  readonly cursor: string | undefined;
}
export interface TaskListResult {
  readonly records: readonly TaskRecord[];
  readonly nextCursor: string | null;
  /** Exact up to 10,000, then an estimate; null while it is not known. */
  readonly total: { readonly count: number | null; readonly exact: boolean };
  readonly states: Readonly<Record<string, number>>;
  /**
   * There when the time for searching was over before the page was full: everything back to this instant (forward to it, in ascending
   * order) was looked at, and `nextCursor` goes on from there. The page may be empty then. Null when sorted by something else.
   */
  readonly searchedToMs?: number | null;
}

export interface ErrorGroupRequest {
  readonly fromMs: number;
  readonly toMs: number;
  readonly task?: string | undefined;
  readonly queue?: string | undefined;
}
export interface ErrorGroupRow {
  readonly fingerprint: string;
  readonly error: string;
  readonly task: string;
  readonly count: number;
  readonly trend: readonly number[];
  readonly firstMs: number;
  readonly lastMs: number;
  readonly workers: readonly string[];
  readonly sampleId: string;
}

/** What is kept of one task type in the last days. */
export interface TaskTypeRow {
  readonly name: string;
  readonly runs: number;
  readonly failures: number;
  readonly runtimes: readonly number[];
  readonly waits: readonly number[];
  readonly lastMs: number | null;
  readonly queue: string | null;
}

/** Which log lines of runs, newest first. */
export interface RunLogsRequest {
  /** Only those before this one; undefined: from the newest. */
  readonly beforeSeq: number | undefined;
  readonly limit: number;
  /** Left out or empty: all. */
  readonly level?: readonly string[];
  /** In the message, without case. */
  readonly q?: string;
}

/**
 * Tasks, their events and their logs. `test/contract/task-store.contract.ts` pins every sentence here, on SQLite and PostgreSQL.
 * Throws a `SearchError` with a position for a query that is no query.
 */
export interface TaskStore {
  /**
   * Settles once it is committed. Logs get their `seq` in order. `onlyIf`: a statement that gives one row as long as the batch may be
   * written; otherwise nothing of it is, and it rejects with an `UnmetError`.
   */
  put(batch: TaskBatch, onlyIf?: Statement): Promise<{ readonly logSeqs: readonly number[] }>;
  get(id: string): Promise<TaskRecord | undefined>;
  getMany(ids: readonly string[]): Promise<readonly TaskRecord[]>;
  list(request: TaskListRequest): Promise<TaskListResult>;
  /** Ids that match, in no promised order, a page at a time: `after` is the last id of the page before. For bulk operations. */
  idsMatching(
    filter: TaskFilter,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Those of the ids whose tasks match. `nowMs`: the instant by which what is scheduled is told from what is due. */
  matching(filter: TaskFilter, ids: readonly string[], nowMs: number): Promise<ReadonlySet<string>>;
  countMatching(filter: TaskFilter): Promise<number>;
  /** Records of a family, from the root. At most `limit`. */
  family(rootId: string, limit: number): Promise<readonly TaskRecord[]>;
  childrenOf(id: string, limit: number): Promise<readonly string[]>;
  rerunsOf(id: string): Promise<readonly string[]>;
  events(id: string): Promise<readonly StoredEvent[]>;
  logs(
    id: string,
    options: { readonly afterSeq: number; readonly limit: number },
  ): Promise<readonly (StoredLog & { readonly seq: number })[]>;
  /** Logs of all tasks of the runs, newest first. */
  logsOfRuns(
    runIds: readonly string[],
    request: RunLogsRequest,
  ): Promise<readonly (StoredLog & { readonly seq: number; readonly runId: string })[]>;
  /** The most frequent first, two hundred at most. */
  errorGroups(request: ErrorGroupRequest): Promise<readonly ErrorGroupRow[]>;
  /** Over tasks that finished since `sinceMs`; at most 2,000 newest samples a type, and the thousand types that ran last. */
  taskTypes(sinceMs: number, name?: string): Promise<readonly TaskTypeRow[]>;
  /** Records that are not final, by worker or all: what *lost* detection looks through. */
  unfinished(options: {
    readonly worker?: string;
    readonly states: readonly string[];
    readonly limit: number;
    readonly afterId?: string;
  }): Promise<readonly TaskRecord[]>;
  /** Counts per state over all records; kept, not counted each time. */
  stateCounts(): Promise<Readonly<Record<string, number>>>;
  /** Deletes records with their events and logs. */
  forget(ids: readonly string[]): Promise<number>;
  /** Applies retention in small steps; returns how many records went. */
  sweep(limits: RetentionLimits, nowMs: number): Promise<number>;
}

export interface RetentionLimits {
  readonly taskDays: number;
  readonly taskCount: number;
  readonly failureDays: number;
  readonly logDays: number;
}
