import { textOf } from "./column-values.js";
import type { ColumnTypes, Dialect, Row, RowSource, Statement } from "./database.js";
import { storable } from "./stored-texts.js";
import type { StoredEvent, StoredLog, TaskRecord } from "./task-record.js";

type Kind = "text" | "json" | "number" | "flag" | "key" | "word";

/**
 * Member of a record → its column is the same in snake case. `key` and `word`: a text that is in an index, and is cut to the length that
 * PostgreSQL's indexes take (2,704 bytes an entry).
 */
const MEMBERS = {
  id: "key",
  state: "word",
  name: "key",
  worker: "key",
  queue: "key",
  receivedMs: "number",
  firstMs: "number",
  sentMs: "number",
  startedMs: "number",
  finishedMs: "number",
  etaMs: "number",
  expiresMs: "number",
  updatedMs: "number",
  runtime: "number",
  retries: "number",
  fingerprint: "word",
  rootId: "key",
  parentId: "key",
  groupId: "key",
  schedule: "key",
  job: "key",
  runId: "key",
  rerunOf: "key",
  args: "text",
  kwargs: "text",
  result: "text",
  error: "text",
  client: "text",
  exchange: "text",
  routingKey: "text",
  priority: "number",
  revoked: "flag",
  deliveries: "number",
  slot: "text",
  contentType: "text",
  sizeBytes: "number",
  timeLimit: "number",
  softTimeLimit: "number",
  clock: "number",
  attempt: "number",
  logBytes: "number",
  logsCut: "flag",
  version: "number",
  argsSource: "text",
  progressJson: "json",
  stampsJson: "json",
  marksJson: "json",
  argsJson: "json",
  kwargsJson: "json",
  resultJson: "json",
  traceback: "text",
} as const satisfies Record<keyof TaskRecord, Kind>;

const LENGTHS: Partial<Record<Kind, number>> = { key: 500, word: 100 };
/** Of fractions: the others are whole numbers. */
const REALS: ReadonlySet<string> = new Set(["runtime", "timeLimit", "softTimeLimit"]);

interface Column {
  readonly member: keyof TaskRecord;
  readonly column: string;
  readonly kind: Kind;
}
const COLUMNS: readonly Column[] = Object.entries(MEMBERS).map(([member, kind]) => ({
  member: memberName(member),
  column: member.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
  kind,
}));
function memberName(name: string): keyof TaskRecord {
  if (isMember(name)) return name;
  throw new TypeError(`a task record has no ${name}`);
}
function isMember(name: string): name is keyof TaskRecord {
  return Object.hasOwn(MEMBERS, name);
}

/** Columns of a record, and `seq` and `at_ms`, for SELECT. */
export const RECORD_COLUMNS = ["seq", "at_ms", ...COLUMNS.map(({ column }) => column)].join(", ");

const WRITTEN: ColumnTypes = Object.fromEntries([
  ["at_ms", "bigint"],
  ...COLUMNS.map((each) => [each.column, columnType(each)] as const),
]);
const WRITTEN_NAMES = Object.keys(WRITTEN);
const UPDATES = WRITTEN_NAMES.filter((column) => column !== "id").map((column) => `${column} = excluded.${column}`);
const UPSERT = `ON CONFLICT (id) DO UPDATE SET ${UPDATES.join(", ")} RETURNING seq`;

/** An id as it is kept. */
export function keptId(id: string): string {
  return storable(cut(id, "key"));
}

/** When a task was received, or first heard of: what lists are sorted by. */
export function atMs({ receivedMs, firstMs }: Pick<TaskRecord, "receivedMs" | "firstMs">): number {
  return wholeNumber(receivedMs ?? firstMs);
}

/** Writes the records whole, over what is there, and gives the `seq` of each in order. Each id must be there once. */
export function putRecords(dialect: Dialect, records: readonly TaskRecord[]): readonly Statement[] {
  const written = records.map((record) => [atMs(record), ...COLUMNS.map((column) => toColumn(record, column))]);
  const into = `INSERT INTO tasks (${WRITTEN_NAMES.join(", ")})`;
  return dialect.rowSources(WRITTEN, written).map(({ rows, values }) => ({ sql: `${into} ${rows} ${UPSERT}`, values }));
}

/** Writes events of tasks that have a record. */
export function putEvents(dialect: Dialect, events: readonly StoredEvent[]): readonly Statement[] {
  const written = events.map((event, n) => [
    n,
    keptId(event.taskId),
    storable(event.type),
    wholeNumber(event.atMs),
    storable(event.worker),
    wholeNumber(event.clock),
    wholeNumber(event.attempt),
    storable(event.fieldsJson),
  ]);
  return dialect
    .rowSources(EVENT_COLUMNS, written)
    .map((source) => insertForTasks("task_events", EVENT_COLUMNS, source));
}

/** The number of a row in its batch, its task's id, and the columns of the table. */
const EVENT_COLUMNS = {
  n: "bigint",
  task_id: "text",
  type: "text",
  at_ms: "bigint",
  worker: "text",
  clock: "bigint",
  attempt: "bigint",
  fields_json: "text",
} as const satisfies ColumnTypes;

/** Logs on their way into the database. */
export interface LogWrites {
  readonly statements: readonly Statement[];
  /** The `seq` of each log out of what the statements gave; 0 for those of tasks without record, which are not kept. */
  seqs(results: readonly (readonly Row[])[]): number[];
}

/** Writes logs of tasks that have a record. */
export function putLogs(dialect: Dialect, logs: readonly StoredLog[]): LogWrites {
  const written = logs.map((log, n) => [
    n,
    keptId(log.taskId),
    wholeNumber(log.atMs),
    storable(log.level),
    storable(log.message),
    storable(log.fieldsJson),
    wholeNumber(log.attempt),
    log.worker === null ? null : storable(log.worker),
  ]);
  const sources = dialect.rowSources(LOG_COLUMNS, written);
  return {
    statements: sources.flatMap((source) => [
      ...(source.count > 1 ? [whichHaveTasks(source)] : []),
      insertForTasks("task_logs", LOG_COLUMNS, source, "RETURNING seq"),
    ]),
    seqs: (results) => logSeqs(sources, results),
  };
}

const LOG_COLUMNS = {
  n: "bigint",
  task_id: "text",
  at_ms: "bigint",
  level: "text",
  message: "text",
  fields_json: "text",
  attempt: "bigint",
  worker: "text",
} as const satisfies ColumnTypes;

/** One statement for several cannot say which of them found no task: it is asked before. */
function whichHaveTasks({ rows, values }: RowSource): Statement {
  const given = `WITH r (${Object.keys(LOG_COLUMNS).join(", ")}) AS (${rows})`;
  return { sql: `${given} SELECT r.n FROM r JOIN tasks t ON t.id = r.task_id ORDER BY r.n`, values };
}

function logSeqs(sources: readonly RowSource[], results: readonly (readonly Row[])[]): number[] {
  const seqs = sources.flatMap(({ count }) => Array.from({ length: count }, () => 0));
  const given = results.values();
  let first = 0;
  for (const { count } of sources) {
    const kept = count > 1 ? (given.next().value ?? []) : [{ n: first }];
    const inserted = given.next().value ?? [];
    for (const [at, { seq }] of inserted.entries()) seqs[Number(kept[at]?.n)] = Number(seq);
    first += count;
  }
  return seqs;
}

/** Rows that belong to a task each, which they name by `task_id`, in the order of `n`. */
function insertForTasks(table: string, columns: ColumnTypes, { rows, values, count }: RowSource, end = ""): Statement {
  const names = Object.keys(columns);
  const own = names.filter((name) => name !== "n" && name !== "task_id");
  const order = count > 1 ? "ORDER BY r.n" : "";
  const sql = `WITH r (${names.join(", ")}) AS (${rows})
    INSERT INTO ${table} (task, ${own.join(", ")})
    SELECT t.seq, ${own.map((name) => `r.${name}`).join(", ")} FROM r JOIN tasks t ON t.id = r.task_id ${order} ${end}`;
  return { sql, values };
}

/** A row of `RECORD_COLUMNS` as a record. */
export function toRecord(row: Row): TaskRecord {
  const record: Record<string, unknown> = {};
  for (const { member, column, kind } of COLUMNS) {
    const value = row[column] ?? null;
    record[member] = kind === "flag" ? value === 1 : value;
  }
  if (!isRecord(record)) throw new TypeError("a row of tasks without id");
  return record;
}

/** The columns are those of the members, and their types those of the table. */
function isRecord(record: object): record is TaskRecord {
  return typeof Reflect.get(record, "id") === "string";
}

/** A row of events, whose task is known. */
export function toEvent(taskId: string, row: Row): StoredEvent {
  return {
    taskId,
    type: textOf(row.type),
    atMs: Number(row.at_ms),
    worker: textOf(row.worker),
    clock: Number(row.clock),
    attempt: Number(row.attempt),
    fieldsJson: textOf(row.fields_json),
  };
}

/** A row of logs with their task's `id`. */
export function toLog(row: Row): StoredLog & { readonly seq: number } {
  return {
    seq: Number(row.seq),
    taskId: textOf(row.id),
    atMs: Number(row.at_ms),
    level: textOf(row.level),
    message: textOf(row.message),
    fieldsJson: textOf(row.fields_json),
    attempt: Number(row.attempt),
    worker: row.worker === null || row.worker === undefined ? null : textOf(row.worker),
  };
}

function columnType({ member, kind }: Column): "text" | "bigint" | "real" {
  if (REALS.has(member)) return "real";
  return kind === "number" || kind === "flag" ? "bigint" : "text";
}

function toColumn(record: TaskRecord, { member, kind }: Column): string | number | null {
  const value = record[member];
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return REALS.has(member) ? finite(value) : wholeNumber(value);
  return storable(cut(value, kind));
}

function cut(value: string, kind: Kind): string {
  const length = LENGTHS[kind];
  return length === undefined || value.length <= length ? value : value.slice(0, length);
}

/** What comes from events may be anything that is a number: PostgreSQL refuses fractions, and both what is beyond 2^63. */
function wholeNumber(value: number): number {
  if (!Number.isFinite(value)) return 0;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
