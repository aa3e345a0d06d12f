import type { Dialect, Row, SqlValue, Statement } from "./database.js";
import { jsonRowsValue, storable } from "./dialects.js";
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

const WRITTEN = ["at_ms", ...COLUMNS.map(({ column }) => column)];
const UPDATES = WRITTEN.filter((column) => column !== "id").map((column) => `${column} = excluded.${column}`);
const UPSERT = `ON CONFLICT (id) DO UPDATE SET ${UPDATES.join(", ")}`;
const INSERT_ONE = `INSERT INTO tasks (${WRITTEN.join(", ")}) VALUES (${WRITTEN.map(() => "?").join(", ")}) ${UPSERT} RETURNING seq`;

/** An id as it is kept. */
export function keptId(id: string): string {
  return storable(cut(id, "key"));
}

/** When a task was received, or first heard of: what lists are sorted by. */
export function atMs({ receivedMs, firstMs }: Pick<TaskRecord, "receivedMs" | "firstMs">): number {
  return wholeNumber(receivedMs ?? firstMs);
}

/** Writes the records whole, over what is there. Each id must be there once. */
export function putRecords(dialect: Dialect, records: readonly TaskRecord[]): readonly Statement[] {
  if (records.length === 0) return [];
  const rows = records.map((record) => [atMs(record), ...COLUMNS.map((column) => toColumn(record, column))]);
  // Measured with 51 columns: 19 us a record by one prepared statement each, 67 to 105 us out of one JSON text (docs/decisions/0015).
  if (dialect.name === "sqlite") return rows.map((values) => ({ sql: INSERT_ONE, values }));
  const source = dialect.jsonRows("?", Object.fromEntries(WRITTEN.map((column) => [column, columnType(column)])));
  const columns = WRITTEN.join(", ");
  return [
    {
      sql: `INSERT INTO tasks (${columns}) SELECT ${columns} FROM ${source} AS r ${UPSERT}`,
      values: [
        jsonRowsValue(rows.map((values) => Object.fromEntries(values.map((value, at) => [WRITTEN[at] ?? "", value])))),
      ],
    },
  ];
}

/** Writes events of tasks that have a record. */
export function putEvents(dialect: Dialect, events: readonly StoredEvent[]): readonly Statement[] {
  if (events.length === 0) return [];
  const rows = events.map(({ taskId, type, atMs: at, worker, clock, attempt, fieldsJson }) => ({
    task_id: keptId(taskId),
    type: storable(type),
    at_ms: wholeNumber(at),
    worker: storable(worker),
    clock: wholeNumber(clock),
    attempt: wholeNumber(attempt),
    fields_json: storable(fieldsJson),
  }));
  return insertForTasks(dialect, "task_events", EVENT_COLUMNS, rows);
}

const EVENT_COLUMNS = {
  type: "text",
  at_ms: "bigint",
  worker: "text",
  clock: "bigint",
  attempt: "bigint",
  fields_json: "text",
} as const;

/** Writes logs of tasks that have a record. `logSeqs` reads what the statements gave. */
export function putLogs(dialect: Dialect, logs: readonly StoredLog[]): readonly Statement[] {
  if (logs.length === 0) return [];
  const rows = logs.map(({ taskId, atMs: at, level, message, fieldsJson, attempt, worker }) => ({
    task_id: keptId(taskId),
    at_ms: wholeNumber(at),
    level: storable(level),
    message: storable(message),
    fields_json: storable(fieldsJson),
    attempt: wholeNumber(attempt),
    worker: worker === null ? null : storable(worker),
  }));
  return [
    ...whichHaveTasks(dialect, rows),
    ...insertForTasks(dialect, "task_logs", LOG_COLUMNS, rows, "RETURNING seq"),
  ];
}

/** The `seq` of each of `count` logs out of the results of `putLogs`; 0 for those of tasks without record, which are not kept. */
export function logSeqs(dialect: Dialect, count: number, results: readonly (readonly Row[])[]): number[] {
  if (dialect.name === "sqlite") return results.map(([row]) => Number(row?.seq ?? 0));
  const seqs = Array.from({ length: count }, () => 0);
  const [kept = [], inserted = []] = results;
  for (const [at, row] of kept.entries()) seqs[Number(row.n)] = Number(inserted[at]?.seq ?? 0);
  return seqs;
}

/** One statement for all cannot say which of them found no task. */
function whichHaveTasks(dialect: Dialect, rows: readonly Values[]): readonly Statement[] {
  if (dialect.name === "sqlite") return [];
  const source = dialect.jsonRows("?", { n: "bigint", task_id: "text" });
  return [
    {
      sql: `SELECT r.n FROM ${source} AS r JOIN tasks t ON t.id = r.task_id ORDER BY r.n`,
      values: [jsonRowsValue(rows.map(({ task_id }, n) => ({ n, task_id })))],
    },
  ];
}

const LOG_COLUMNS = {
  at_ms: "bigint",
  level: "text",
  message: "text",
  fields_json: "text",
  attempt: "bigint",
  worker: "text",
} as const;

type Values = Readonly<Record<string, string | number | null>>;

/** Rows that belong to a task each, which they name by `task_id`. */
function insertForTasks(
  dialect: Dialect,
  table: string,
  columns: Readonly<Record<string, "text" | "bigint">>,
  rows: readonly Values[],
  returning = "",
): readonly Statement[] {
  const names = Object.keys(columns);
  const into = `INSERT INTO ${table} (task, ${names.join(", ")})`;
  if (dialect.name === "sqlite") {
    const sql = `${into} SELECT seq, ${names.map(() => "?").join(", ")} FROM tasks WHERE id = ? ${returning}`;
    return rows.map((row) => ({ sql, values: [...names.map((name) => row[name] ?? null), row.task_id ?? null] }));
  }
  const source = dialect.jsonRows("?", { n: "bigint", task_id: "text", ...columns });
  const selected = names.map((name) => `r.${name}`).join(", ");
  const sql = `${into} SELECT t.seq, ${selected} FROM ${source} AS r JOIN tasks t ON t.id = r.task_id ORDER BY r.n ${returning}`;
  return [{ sql, values: [jsonRowsValue(rows.map((row, n) => ({ n, ...row })))] }];
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
    type: text(row.type),
    atMs: Number(row.at_ms),
    worker: text(row.worker),
    clock: Number(row.clock),
    attempt: Number(row.attempt),
    fieldsJson: text(row.fields_json),
  };
}

/** A row of logs with their task's `id`. */
export function toLog(row: Row): StoredLog & { readonly seq: number } {
  return {
    seq: Number(row.seq),
    taskId: text(row.id),
    atMs: Number(row.at_ms),
    level: text(row.level),
    message: text(row.message),
    fieldsJson: text(row.fields_json),
    attempt: Number(row.attempt),
    worker: row.worker === null || row.worker === undefined ? null : text(row.worker),
  };
}

export function text(value: SqlValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function columnType(column: string): "text" | "bigint" | "real" {
  const found = COLUMNS.find((each) => each.column === column);
  if (found && REALS.has(found.member)) return "real";
  return found && found.kind !== "number" && found.kind !== "flag" ? "text" : "bigint";
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
