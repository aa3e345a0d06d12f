import { KNOWN_STATES } from "../../api/tasks.js";
import type { Dialect, SqlValue } from "./database.js";
import { type NumberField, parseSearch, SearchError, type SearchNode, type TextField } from "./search-language.js";
import { likePattern, storable } from "./stored-texts.js";
import type { StoreFilter } from "./task-store.js";

/** A piece of SQL that is true or false of a row of `tasks`, with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** What a filter asks of a task, as a tree: besides what people type, columns that must have one of some values. */
export type FilterNode =
  | SearchNode
  | { readonly kind: "filters"; readonly parts: readonly FilterNode[] }
  | { readonly kind: "equals"; readonly column: EqualColumn; readonly values: readonly string[] };

export const EQUAL_COLUMNS = ["name", "worker", "queue", "schedule", "job", "run_id", "fingerprint"] as const;
export type EqualColumn = (typeof EQUAL_COLUMNS)[number];

/** Of a search's fields; text by itself is looked for in the first of them. */
export const TEXT_COLUMNS: Readonly<Record<TextField, string>> = {
  id: "id",
  name: "name",
  worker: "worker",
  queue: "queue",
  args: "args",
  kwargs: "kwargs",
  result: "result",
  error: "error",
  root: "root_id",
  parent: "parent_id",
  group: "group_id",
  schedule: "schedule",
  job: "job",
};
const OPEN_TEXT_COLUMNS = ["id", "name", "worker", "queue", "error"] as const;
const PAYLOAD_COLUMNS = ["args", "kwargs", "result"] as const;
const PLAIN_TEXT_COLUMNS = [...OPEN_TEXT_COLUMNS, ...PAYLOAD_COLUMNS] as const;

/** From sent, or its ETA, to started. */
const NUMBER_EXPRESSIONS: Readonly<Record<NumberField, { readonly sql: string; readonly factor: number }>> = {
  runtime: { sql: "runtime", factor: 1 },
  wait: { sql: "(started_ms - coalesce(eta_ms, sent_ms))", factor: 1000 },
  retries: { sql: "retries", factor: 1 },
};

/**
 * The tree of a filter. Lists are comma-separated; a name that has commas itself is found too. Throws a `SearchError`.
 * @param options.states false leaves the filter's `state` out: for counts of each
 */
export function parseFilter(filter: StoreFilter, options: { readonly states?: boolean } = {}): FilterNode {
  const parts: FilterNode[] = [];
  const equals = (column: EqualColumn, list: string | undefined): void => {
    if (list !== undefined && list !== "") parts.push({ kind: "equals", column, values: listed(list, MOST_VALUES) });
  };
  const states = options.states === false ? undefined : filter.state;
  if (states) parts.push({ kind: "or", parts: listed(states, MOST_STATES).map((state) => ({ kind: "state", state })) });
  equals("name", filter.name);
  equals("worker", filter.worker);
  equals("queue", filter.queue);
  equals("schedule", filter.schedule);
  equals("job", filter.job);
  equals("run_id", filter.runId);
  equals("fingerprint", filter.error);
  const fromMs = instantMs(filter.receivedFrom);
  const toMs = instantMs(filter.receivedTo);
  if (fromMs !== null || toMs !== null) parts.push({ kind: "received", fromMs, toMs });
  if (filter.q)
    parts.push(filter.searchesPayloads === false ? withoutPayloads(parseSearch(filter.q)) : parseSearch(filter.q));
  const asked = parts.filter(({ kind }) => kind !== "all");
  const [only] = asked;
  if (!only) return { kind: "all" };
  return asked.length === 1 ? only : { kind: "filters", parts: asked };
}

/** The same search, of what everybody may see. Throws a `SearchError` where it asks for more. */
function withoutPayloads(node: SearchNode): SearchNode {
  switch (node.kind) {
    case "and":
    case "or":
      return { kind: node.kind, parts: node.parts.map(withoutPayloads) };
    case "not":
      return { kind: "not", part: withoutPayloads(node.part) };
    case "text":
      return {
        kind: "or",
        parts: OPEN_TEXT_COLUMNS.map((field) => ({ kind: "contains", field, text: node.text })),
      };
    case "contains":
      if (PAYLOAD_COLUMNS.some((column) => column === node.field)) throw hidden(node.field);
      return node;
    case "pair":
      throw hidden("kwargs");
    default:
      return node;
  }
}

function hidden(field: string): SearchError {
  return new SearchError(`your role does not see ${field}: they cannot be searched`, 0);
}

/** The tree as SQL; undefined when everything matches. `nowMs` tells what is scheduled from what is due. */
export function compileFilter(node: FilterNode, dialect: Dialect, nowMs: number): Condition | undefined {
  return node.kind === "all" ? undefined : compile(node, dialect, nowMs);
}

function compile(node: FilterNode, dialect: Dialect, nowMs: number): Condition {
  switch (node.kind) {
    case "all":
      return { sql: "1 = 1", values: [] };
    case "and":
    case "filters":
      return joined(
        " AND ",
        node.parts.map((part) => compile(part, dialect, nowMs)),
      );
    case "or":
      return joined(
        " OR ",
        node.parts.map((part) => compile(part, dialect, nowMs)),
      );
    case "not": {
      const { sql, values } = compile(node.part, dialect, nowMs);
      return { sql: `NOT ${sql}`, values };
    }
    case "text":
      return joined(
        " OR ",
        PLAIN_TEXT_COLUMNS.map((column) => contains(column, node.text, dialect)),
      );
    case "contains":
      return contains(TEXT_COLUMNS[node.field], node.text, dialect);
    case "equals":
      return equals(node.column, node.values);
    case "state":
      return ofState(node.state, nowMs);
    case "pair":
      return pair(node.key, node.value, dialect);
    case "compare": {
      const { sql, factor } = NUMBER_EXPRESSIONS[node.field];
      return { sql: `(${sql} IS NOT NULL AND ${sql} ${node.operator} ?)`, values: [node.value * factor] };
    }
    case "received":
      return received(node.fromMs, node.toMs);
  }
}

/** Never null, so that NOT has its everyday meaning. */
function contains(column: string, text: string, dialect: Dialect): Condition {
  return {
    sql: `(${column} IS NOT NULL AND ${dialect.contains(column)})`,
    values: [likePattern(storable(text))],
  };
}

function equals(column: string, values: readonly string[]): Condition {
  const places = values.map(() => "?").join(", ");
  return { sql: `(${column} IS NOT NULL AND ${column} IN (${places}))`, values: values.map(storable) };
}

/** SCHEDULED is PENDING with an ETA to come. Known states may be typed in small letters, custom ones are taken as they are. */
function ofState(name: string, nowMs: number): Condition {
  const state = knownState(name);
  if (state === "SCHEDULED")
    return { sql: "(state = 'PENDING' AND eta_ms IS NOT NULL AND eta_ms > ?)", values: [nowMs] };
  if (state === "PENDING") return { sql: "(state = 'PENDING' AND (eta_ms IS NULL OR eta_ms <= ?))", values: [nowMs] };
  return { sql: "(state = ?)", values: [storable(state)] };
}

export function knownState(name: string): string {
  const upper = name.toUpperCase();
  return KNOWN_STATES.some((state) => state === upper) ? upper : name;
}

/**
 * A keyword argument as JSON and Python's `repr` write it: `"key": value`, `'key': 'value'`. Looked for as text: what strangers send may
 * not be JSON, or nested deeper than a database's own JSON functions take.
 */
function pair(key: string, value: string, dialect: Dialect): Condition {
  const json = pairTexts(`${JSON.stringify(key)}:`, JSON.stringify(value), value);
  const text = pairTexts(`${repr(key)}: `, repr(value), value);
  const values = [...json, ...text];
  return joined(
    " OR ",
    ["kwargs_json", "kwargs"].map((column) => ({
      sql: `(${column} IS NOT NULL AND (${values.map(() => dialect.holds(column)).join(" OR ")}))`,
      values,
    })),
  );
}

/** As a text in quotes; as it is (a number, true) at the end of its object and before the next member. */
function pairTexts(key: string, quoted: string, value: string): string[] {
  const keys = key.endsWith(" ") ? [key] : [key, `${key} `];
  return keys.flatMap((each) => [`${each}${quoted}`, `${each}${value},`, `${each}${value}}`]).map(storable);
}

function repr(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function received(fromMs: number | null, toMs: number | null): Condition {
  const from = fromMs === null ? [] : [{ sql: "at_ms >= ?", values: [fromMs] }];
  const to = toMs === null ? [] : [{ sql: "at_ms < ?", values: [toMs] }];
  return joined(" AND ", [...from, ...to]);
}

export function joined(by: " AND " | " OR ", parts: readonly Condition[]): Condition {
  return { sql: `(${parts.map(({ sql }) => sql).join(by)})`, values: parts.flatMap(({ values }) => values) };
}

/** Values of one list: a statement takes so many, and each state is a condition of its own. */
const MOST_VALUES = 5000;
const MOST_STATES = 500;

function listed(list: string, most: number): string[] {
  const parts = list.split(",").filter((part) => part !== "");
  if (parts.length >= most)
    throw new SearchError(`a list of ${parts.length} values: at most ${most - 1} can be asked for`, 0);
  return parts.length > 1 ? [...new Set([...parts, list])] : [list];
}

function instantMs(instant: string | undefined): number | null {
  const ms = instant === undefined ? Number.NaN : Date.parse(instant);
  return Number.isNaN(ms) ? null : ms;
}

/** A walk through the tasks of one value of a column, newest first, along an index of theirs. */
export interface Lead extends Condition {
  readonly index: string;
  /** Whether it is all that the filter asks. */
  readonly isAll: boolean;
}

/** Fewer tasks first, by what such columns usually hold. */
const LEADS: Readonly<Partial<Record<EqualColumn, string>>> = {
  run_id: "tasks_run",
  fingerprint: "tasks_fingerprint",
  schedule: "tasks_schedule",
  job: "tasks_job",
  name: "tasks_name",
};

/** The index that leads to what a filter asks for with the least to step over, if there is one. */
export function leadOf(node: FilterNode): Lead | undefined {
  const parts = conjuncts(node);
  const isAll = parts.length === 1;
  for (const [column, index] of Object.entries(LEADS)) {
    const found = parts.find((part) => part.kind === "equals" && part.column === column && part.values.length === 1);
    if (found?.kind !== "equals") continue;
    return { sql: `${column} = ?`, values: found.values.map(storable), index, isAll };
  }
  const state = parts.find((part) => part.kind === "state");
  if (state?.kind !== "state") return undefined;
  const name = knownState(state.state);
  if (name === "SCHEDULED" || name === "PENDING")
    return { sql: "state = ?", values: ["PENDING"], index: "tasks_state", isAll: false };
  return { sql: "state = ?", values: [storable(name)], index: "tasks_state", isAll };
}

/** What all must be true for the whole to be. */
export function conjuncts(node: FilterNode): readonly FilterNode[] {
  if (node.kind === "filters" || node.kind === "and") return node.parts.flatMap(conjuncts);
  const [only] = node.kind === "or" ? node.parts : [];
  return node.kind === "or" && node.parts.length === 1 && only ? conjuncts(only) : [node];
}
