import type { PostgresRow } from "../../connections/postgres.js";
import { encodeJson } from "../../protocol/content.js";
import { RawJson } from "../../protocol/raw-json.js";
import { reprArgs, reprKwargs } from "../../protocol/repr.js";
import { isReady } from "../../protocol/states.js";
import type { NewResult } from "./result-tables.js";

/**
 * Rows of `django_celery_results_taskresult`. Source: celery-protocol 5.6.
 *
 * The column `meta` holds a JSON object that Python's readers merge into what they return: `children`, as Django's own backend writes it;
 * `group_id`, `parent_id`, `retries` and `queue`, Celery's names for what has no column; and what only we read: `lovage_fence`,
 * `lovage_expires` (Unix milliseconds) and `lovage`, an object with the exact `date_done` and, as JSON in texts, `args` and `kwargs`.
 */

/** Its columns but for the ones that need no thought. */
export interface DjangoRow {
  readonly result: string;
  readonly traceback: string | null;
  readonly meta: string;
  readonly taskArgs: string | null;
  readonly taskKwargs: string | null;
  readonly taskName: string | null;
  readonly worker: string | null;
}

/** Throws an `EncodeError`, for nothing that `encodeTaskMeta` has written. */
export function djangoRow({ meta, fence, expiresMs }: Pick<NewResult, "meta" | "fence" | "expiresMs">): DjangoRow {
  const { result, args, kwargs } = meta;
  return {
    result: result instanceof RawJson ? result.text : encodeJson(result, { place: "result" }),
    traceback: column(meta.traceback),
    meta: metaColumn(meta, fence, expiresMs),
    // The JSON of Python's repr, as text: Django's admin shows it so.
    taskArgs: args === undefined ? null : column(JSON.stringify(Array.isArray(args) ? reprArgs(args) : String(args))),
    taskKwargs: kwargs === undefined ? null : column(JSON.stringify(kwargsText(kwargs))),
    taskName: column(meta.name, 255),
    worker: column(meta.worker, 100),
  };
}

function metaColumn(meta: NewResult["meta"], fence: number | undefined, expiresMs: number | null): string {
  const exact = {
    date_done: meta.dateDone?.toISOString() ?? null,
    ...(meta.args !== undefined && { args: encodeJson(meta.args, { place: "args" }) }),
    ...(meta.kwargs !== undefined && { kwargs: encodeJson(meta.kwargs, { place: "kwargs" }) }),
  };
  const members = [`"lovage_fence":${fence ?? null}`, `"lovage_expires":${expiresMs ?? 0}`];
  members.push(`"children":${JSON.stringify(meta.children)}`);
  if (meta.groupId !== undefined) members.push(`"group_id":${JSON.stringify(meta.groupId)}`);
  if (meta.parentId !== undefined) members.push(`"parent_id":${JSON.stringify(meta.parentId)}`);
  if (meta.retries !== undefined) members.push(`"retries":${meta.retries}`);
  if (meta.queue !== undefined) members.push(`"queue":${JSON.stringify(meta.queue)}`);
  members.push(`"lovage":${JSON.stringify(exact)}`);
  return `{${members.join(",")}}`;
}

/**
 * SQL that finds our numbers in `meta`, which may be text of any kind: casting to json could fail. They stand at its beginning, where
 * nothing that a task brings along can be taken for them.
 */
export function fenceIn(table: string): string {
  return `substring(${table}.meta FROM '^\\{"lovage_fence":([0-9]{1,18}),')::bigint`;
}
/** Unix milliseconds; 0 for never. Null in a row that Python wrote. */
export function expiryIn(table: string): string {
  return `substring(${table}.meta FROM '^\\{"lovage_fence":[0-9nul]+,"lovage_expires":([0-9]{1,18}),')::bigint`;
}
/** `meta` of a row of ours without a fence, with one. */
export function withFence(table: string, fence: string): string {
  return `'{"lovage_fence":' || ${fence} || substr(${table}.meta, ${'{"lovage_fence":null'.length + 1})`;
}

function kwargsText(kwargs: unknown): string {
  return typeof kwargs === "object" && kwargs !== null ? reprKwargs({ ...kwargs }) : String(kwargs);
}

/** PostgreSQL's texts hold no NUL, and Django's columns have lengths. */
function column(text: string | null | undefined, length = Number.POSITIVE_INFINITY): string | null {
  if (text === null || text === undefined) return null;
  const whole = text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
  return whole.length > length ? whole.slice(0, length) : whole;
}

/** What was read of a row as the text of a task meta, for `readStoredMeta`. Texts of JSON are passed on as they are. */
export function metaText(row: PostgresRow): string {
  const status = String(row.status);
  const ours = readObject(row.meta);
  const exact = isObject(ours.lovage) ? ours.lovage : undefined;
  const members = [`"status":${JSON.stringify(status)}`, `"result":${jsonOf(row.result, row)}`];
  const add = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null) members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  };
  add("traceback", row.traceback);
  members.push(`"children":${JSON.stringify(ours.children ?? null)}`);
  add("date_done", exact ? exact.date_done : isReady(status) ? instantOf(row.date_done) : null);
  for (const name of ["group_id", "parent_id", "retries", "queue"]) add(name, ours[name]);
  add("name", row.task_name);
  add("worker", row.worker);
  // From Python, the repr is all there is.
  if (typeof exact?.args === "string") members.push(`"args":${exact.args}`);
  else if (typeof row.task_args === "string") members.push(`"args":${jsonOf(row.task_args, row)}`);
  if (typeof exact?.kwargs === "string") members.push(`"kwargs":${exact.kwargs}`);
  else if (typeof row.task_kwargs === "string") members.push(`"kwargs":${jsonOf(row.task_kwargs, row)}`);
  add("task_id", row.task_id);
  return `{${members.join(",")}}`;
}

/** What another content type than JSON holds is not decoded: it stands there as text that no reader takes for JSON. */
function jsonOf(text: unknown, row: PostgresRow): string {
  if (text === null || text === undefined) return "null";
  return row.content_type === "application/json" ? String(text) : `<${String(row.content_type)}>`;
}

function instantOf(value: unknown): string | undefined {
  return value instanceof Date ? value.toISOString() : undefined;
}

/** An empty object for what is none. Plain parsing will do: typed values are in texts of their own. */
function readObject(text: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(text));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
