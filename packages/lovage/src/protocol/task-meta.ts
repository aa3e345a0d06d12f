import { DecodeError, type LovageError } from "../errors.js";
import { errorFromInfo, parseExceptionInfo } from "./exception.js";
import { formatInstant, tryParseInstant } from "./instant.js";
import { type DecodeLimits, decodeJson } from "./json-decode.js";
import { encodeJson } from "./json-encode.js";
import { RawJson } from "./raw-json.js";
import { type Fields, isFields, readObject, readText, textOrNull } from "./read-fields.js";
import { parseResultTuple } from "./result-tuple.js";
import { propagates, type TaskState } from "./states.js";

export { groupTuple, parseResultTuple, resultTuple, taskIdsOf } from "./result-tuple.js";

/**
 * What a result backend keeps of one task. Source: celery-protocol 5.2.
 * `result` is the return value (SUCCESS), the meta of a custom state, `{pid, hostname}` (STARTED), or an `ExceptionInfo`
 * (FAILURE, RETRY, REVOKED).
 */
export interface TaskMeta {
  readonly taskId: string;
  readonly status: TaskState;
  readonly result: unknown;
  readonly traceback: string | null;
  /** Tasks this one sent, as result tuples; null when stored by the `revoke` command. */
  readonly children: readonly ResultTuple[] | null;
  /** Set in ready states only. */
  readonly dateDone: Date | null;
  readonly groupId?: string;
  readonly parentId?: string;
  /** The following are there with `resultExtended` only. */
  readonly name?: string;
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly worker?: string;
  readonly retries?: number;
  readonly queue?: string;
}

/** `[[id, parent], null]` for a task, `[[id, parent], [member, …]]` for a group. Source: celery-protocol 5.4. */
export type ResultTuple = readonly [readonly [id: string, parent: ResultTuple | null], readonly ResultTuple[] | null];

/** An error as results carry it. Source: celery-protocol 5.2, "Exception object". */
export interface ExceptionInfo {
  readonly exc_type: string;
  readonly exc_message: readonly unknown[];
  readonly exc_module: string | null;
}

/** A saved group: its members in order. */
export interface GroupMeta {
  readonly groupId: string;
  readonly result: ResultTuple;
}

export interface EncodeTaskMetaOptions {
  /** See `EncodeJsonOptions.typedValues`. @default true */
  readonly typedValues?: boolean | undefined;
}

/**
 * A task's meta as Celery stores it: JSON with the members in the reference's order.
 * Throws an `EncodeError` when the result, or the arguments of an extended one, cannot be written.
 */
export function encodeTaskMeta(meta: TaskMeta, options: EncodeTaskMetaOptions = {}): string {
  const { typedValues } = options;
  const json = (value: unknown, place: string): string => encodeJson(value, { place, typedValues });
  // Results are stored for every task: writing the known members by hand is twice as fast as building an object first.
  let text = `{"status":${JSON.stringify(meta.status)}`;
  // A result that arrived as text is neither parsed nor written again.
  text += `,"result":${meta.result instanceof RawJson ? meta.result.text : json(meta.result, "result")}`;
  text += `,"traceback":${JSON.stringify(meta.traceback)}`;
  text += `,"children":${JSON.stringify(meta.children)}`;
  text += `,"date_done":${meta.dateDone ? `"${formatInstant(meta.dateDone)}"` : "null"}`;
  if (meta.groupId !== undefined) text += `,"group_id":${JSON.stringify(meta.groupId)}`;
  if (meta.parentId !== undefined) text += `,"parent_id":${JSON.stringify(meta.parentId)}`;
  if (meta.name !== undefined) text += `,"name":${JSON.stringify(meta.name)}`;
  if (meta.args !== undefined) text += `,"args":${json(meta.args, "args")}`;
  if (meta.kwargs !== undefined) text += `,"kwargs":${json(meta.kwargs, "kwargs")}`;
  if (meta.worker !== undefined) text += `,"worker":${JSON.stringify(meta.worker)}`;
  if (meta.retries !== undefined) text += `,"retries":${meta.retries}`;
  if (meta.queue !== undefined) text += `,"queue":${JSON.stringify(meta.queue)}`;
  return `${text},"task_id":${JSON.stringify(meta.taskId)}}`;
}

/**
 * Reads a stored meta, of any version of Celery: with or without an offset in `date_done`, with an error's message as text or
 * array, with members that are missing or unknown. `taskId` is for a meta that does not name its task.
 * Throws a `DecodeError` when it is not a meta at all.
 */
export function decodeTaskMeta(text: string, taskId?: string, limits?: DecodeLimits): TaskMeta {
  const fields = readObject(decodeJson(text, limits), "the task meta");
  const status = readText(fields.status, "status");
  return {
    taskId: textOrNull(fields.task_id) ?? readText(taskId, "task_id"),
    status,
    result: resultOf(status, fields.result),
    traceback: textOrNull(fields.traceback),
    children: Array.isArray(fields.children) ? fields.children.map(parseResultTuple) : null,
    dateDone: typeof fields.date_done === "string" ? (tryParseInstant(fields.date_done) ?? null) : null,
    ...optionalTexts(fields),
    ...(fields.args !== undefined && { args: fields.args }),
    ...(fields.kwargs !== undefined && { kwargs: fields.kwargs }),
    ...(typeof fields.retries === "number" && { retries: fields.retries }),
  };
}

/** Its wire names and ours. */
const OPTIONAL_TEXTS = [
  ["group_id", "groupId"],
  ["parent_id", "parentId"],
  ["name", "name"],
  ["worker", "worker"],
  ["queue", "queue"],
] as const;

type OptionalTexts = { -readonly [K in (typeof OPTIONAL_TEXTS)[number][1]]?: string };

function optionalTexts(fields: Fields): OptionalTexts {
  const found: OptionalTexts = {};
  for (const [wireName, name] of OPTIONAL_TEXTS) {
    const text = textOrNull(fields[wireName]);
    if (text !== null) found[name] = text;
  }
  return found;
}

/** In the states of errors, an error; anything else a peer may have stored there is left as it is. */
function resultOf(status: TaskState, result: unknown): unknown {
  if (result === undefined) return null;
  return propagates(status) || status === "RETRY" ? (parseExceptionInfo(result) ?? result) : result;
}

/** The error that a FAILURE, REVOKED or RETRY stands for; see `errorFromInfo`. */
export function errorFromMeta(meta: TaskMeta): LovageError {
  const { result } = meta;
  const info = parseExceptionInfo(result) ?? {
    exc_type: meta.status === "REVOKED" ? "TaskRevokedError" : "Error",
    exc_message: result === null || result === undefined ? [] : [result],
    exc_module: meta.status === "REVOKED" ? "celery.exceptions" : null,
  };
  return errorFromInfo(info, meta.traceback);
}

/** A saved group as it is stored: `{"result": <group tuple>}`. */
export function encodeGroupMeta(group: GroupMeta): string {
  return JSON.stringify({ result: group.result });
}

/** Reads a saved group. Throws a `DecodeError`. */
export function decodeGroupMeta(text: string): GroupMeta {
  const fields = decodeJson(text);
  if (!isFields(fields)) throw new DecodeError("the group meta is not an object");
  const result = parseResultTuple(fields.result);
  return { groupId: result[0][0], result };
}
