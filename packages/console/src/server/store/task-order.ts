import { LovageError } from "lovage";
import type { Row, SqlValue } from "./database.js";
import type { Condition } from "./task-query.js";

/** A sort of the task list: by what, and along which index it can be walked. The last column tells equal ones apart. */
export interface TaskOrder {
  readonly name: string;
  readonly index: string;
  readonly columns: readonly string[];
  readonly descending: boolean;
  /** Tasks of which the first column is not known come last, in either direction. */
  readonly nullable: boolean;
}

interface Sort {
  readonly index: string;
  readonly columns: readonly string[];
  readonly nullable: boolean;
}

const SORTS: Readonly<Record<string, Sort>> = {
  received: { index: "tasks_at", columns: ["at_ms", "seq"], nullable: false },
  sent: { index: "tasks_sent", columns: ["sent_ms", "seq"], nullable: true },
  started: { index: "tasks_started", columns: ["started_ms", "seq"], nullable: true },
  finished: { index: "tasks_finished", columns: ["finished_ms", "seq"], nullable: true },
  runtime: { index: "tasks_runtime", columns: ["runtime", "seq"], nullable: true },
  name: { index: "tasks_name", columns: ["name", "at_ms", "seq"], nullable: true },
  state: { index: "tasks_state", columns: ["state", "at_ms", "seq"], nullable: false },
  retries: { index: "tasks_retries", columns: ["retries", "at_ms", "seq"], nullable: false },
};

/** For walking through all that match, while they change. */
export const BY_ID: TaskOrder = { name: "id", index: "tasks_id", columns: ["id"], descending: false, nullable: false };
/** The newest first. */
export const BY_NEWEST: TaskOrder = {
  name: "received",
  index: "tasks_at",
  columns: ["at_ms", "seq"],
  nullable: false,
  descending: true,
};

/** A sort or a cursor that is none: `bad_request`. */
export class TaskListError extends LovageError {
  constructor(message: string) {
    super(message, { code: "bad_list_request" });
    this.name = "TaskListError";
  }
}

/** `received`, or `-received` for the newest first. Throws a `TaskListError` that names those there are. */
export function parseOrder(sort: string): TaskOrder {
  const name = sort.replace(/^-/, "");
  const found = Object.hasOwn(SORTS, name) ? SORTS[name] : undefined;
  if (!found)
    throw new TaskListError(
      `tasks cannot be sorted by ${JSON.stringify(sort)}: ${Object.keys(SORTS).join(", ")}, with - before it for descending`,
    );
  return { name, ...found, descending: sort.startsWith("-") };
}

/** Where a page ended: the values of the order's columns, and whether the rest is of tasks of which the first is not known. */
export interface Position {
  readonly values: readonly SqlValue[];
  readonly inNulls: boolean;
}

export function positionOf(order: TaskOrder, row: Row): Position {
  const values = order.columns.map((column) => row[column] ?? null);
  return { values, inNulls: order.nullable && values[0] === null };
}

/** An opaque text, good for the order it was made for. */
export function encodeCursor(order: TaskOrder, { values, inNulls }: Position): string {
  return Buffer.from(JSON.stringify([order.name, order.descending, inNulls, ...values])).toString("base64url");
}

/** Throws a `TaskListError` for a cursor of another order, or that is none. */
export function decodeCursor(order: TaskOrder, cursor: string): Position {
  const parts = parsed(cursor);
  const [name, descending, inNulls, ...values] = parts;
  const isOurs =
    name === order.name &&
    descending === order.descending &&
    typeof inNulls === "boolean" &&
    values.length === order.columns.length &&
    values.every((value, place) => isKey(value) && fits(value, order.columns[place]));
  if (!isOurs) throw new TaskListError("this cursor belongs to another list: ask for the first page");
  return { values: values.filter(isKey), inNulls };
}

function parsed(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
/** Columns that hold texts; the others hold numbers. */
const TEXTS: ReadonlySet<string | undefined> = new Set(["name", "state", "id"]);

/** A database that is strict about types would call it an error of ours. */
function fits(value: SqlValue, column: string | undefined): boolean {
  return value === null || (typeof value === "string") === TEXTS.has(column);
}

function isKey(value: unknown): value is SqlValue {
  return value === null || typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** Part of an order that one index is walked for: first what has a value, then what has none. */
export interface Stretch {
  readonly order: TaskOrder;
  readonly inNulls: boolean;
}

export function stretchesOf(order: TaskOrder): readonly Stretch[] {
  return order.nullable ? [false, true].map((inNulls) => ({ order, inNulls })) : [{ order, inNulls: false }];
}

/** The columns that vary within a stretch. */
export function columnsOf({ order, inNulls }: Stretch): readonly string[] {
  return inNulls ? order.columns.slice(1) : order.columns;
}

export function orderSql(stretch: Stretch): string {
  const direction = stretch.order.descending ? "DESC" : "ASC";
  return columnsOf(stretch)
    .map((column) => `${column} ${direction}`)
    .join(", ");
}

/** What is in the stretch at all. */
export function stretchCondition({ order, inNulls }: Stretch): Condition[] {
  if (!order.nullable) return [];
  return [{ sql: `${order.columns[0]} IS ${inNulls ? "NULL" : "NOT NULL"}`, values: [] }];
}

/** Rows behind a position, or up to and with it. */
export function bound(stretch: Stretch, position: Position, side: "behind" | "until"): Condition {
  const columns = columnsOf(stretch);
  const values = position.values.slice(-columns.length);
  const { descending } = stretch.order;
  const operator = { behind: descending ? "<" : ">", until: descending ? ">=" : "<=" }[side];
  const places = columns.map(() => "?").join(", ");
  return { sql: `(${columns.join(", ")}) ${operator} (${places})`, values };
}
