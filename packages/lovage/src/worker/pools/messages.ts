import { DecodeError } from "../../errors.js";
import { readCounters } from "../../protocol/event-facts.js";
import type { ResultTuple } from "../../protocol/task-meta.js";
import type { RaisedError, RunOutcome, TaskRequest } from "../../request.js";
import type { TaskLogRecord, TaskProgress } from "../../run-task.js";
import { LOG_LEVELS, type LogLevel } from "../../util/logger.js";
import { type Fields, fieldsOf, flag, list, number, object, orNull, text } from "./fields.js";

/**
 * What a pool and its children (processes or threads) say to each other. All of it is plain JSON data: threads clone it,
 * processes write it as a line of JSON. `run` numbers a task's run, `call` a gateway call; both are unique in a child.
 */

/** Why a task's signal aborts. */
export const ABORT_REASONS = ["revoked", "terminated", "time-limit"] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

/** From the pool to a child. */
export type ParentMessage =
  /** The first one: load this app. `shared` says that several tasks run here at a time. */
  | { readonly kind: "open"; readonly appPath: string; readonly shared: boolean; readonly measureMemory: boolean }
  | { readonly kind: "run"; readonly run: number; readonly request: TaskRequest }
  | { readonly kind: "abort"; readonly run: number; readonly reason: AbortReason }
  | { readonly kind: "ping" }
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly call: number; readonly error: ErrorData }
  /** Die of this signal as if nothing had been listening to it. */
  | { readonly kind: "die"; readonly signal: NodeJS.Signals }
  | { readonly kind: "stop" };

/** From a child to the pool. */
export type ChildMessage =
  | { readonly kind: "ready" }
  /** The app could not be loaded. */
  | { readonly kind: "failed"; readonly error: ErrorData }
  /** Told by children that run several tasks only: in the others a run begins when it arrives. */
  | { readonly kind: "started"; readonly run: number }
  | { readonly kind: "outcome"; readonly run: number; readonly outcome: RunOutcome; readonly memory: number | null }
  | { readonly kind: "log"; readonly run: number; readonly record: TaskLogRecord }
  | { readonly kind: "progress"; readonly run: number; readonly progress: TaskProgress }
  | { readonly kind: "state"; readonly run: number; readonly state: string; readonly metaJson: string }
  /** An error that no task's promise carries; `run` is the task whose code threw it, where that is known. */
  | { readonly kind: "stray"; readonly run: number | null; readonly error: ErrorData }
  /** This child is about to end by the hand of that run's code, as by `process.exit`. */
  | { readonly kind: "exiting"; readonly run: number | null }
  | { readonly kind: "call"; readonly call: number; readonly method: string; readonly args: readonly unknown[] }
  /** Nobody waits for this call's reply any more. */
  | { readonly kind: "cancel"; readonly call: number }
  | { readonly kind: "pong" };

/** An error as data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  /** `LovageError.code`; null for other errors. */
  readonly code: string | null;
  /** Stacks of the error and its causes. */
  readonly trace: string;
}

/** What a child received. It comes from the pool that started it, of the same version: only the envelope is looked at. */
export function isParentMessage(value: unknown): value is ParentMessage {
  return typeof value === "object" && value !== null && "kind" in value;
}

/** What a child sent, which user code may have forged: throws a `DecodeError` unless it is one of ours, whole. */
export function parseChildMessage(value: unknown): ChildMessage {
  const fields = fieldsOf(value, "message");
  const kind = text(fields, "kind");
  switch (kind) {
    case "ready":
    case "pong":
      return { kind };
    case "started":
      return { kind, run: number(fields, "run") };
    case "outcome":
      return {
        kind,
        run: number(fields, "run"),
        outcome: parseRunOutcome(object(fields, "outcome")),
        memory: orNull(number)(fields, "memory"),
      };
    case "log":
      return { kind, run: number(fields, "run"), record: parseLogRecord(object(fields, "record")) };
    case "progress":
      return { kind, run: number(fields, "run"), progress: parseProgress(object(fields, "progress")) };
    case "state":
      return { kind, run: number(fields, "run"), state: text(fields, "state"), metaJson: text(fields, "metaJson") };
    case "call":
      return { kind, call: number(fields, "call"), method: text(fields, "method"), args: list(fields, "args") };
    case "cancel":
      return { kind, call: number(fields, "call") };
    case "stray":
      return { kind, run: orNull(number)(fields, "run"), error: parseErrorData(object(fields, "error")) };
    case "exiting":
      return { kind, run: orNull(number)(fields, "run") };
    case "failed":
      return { kind, error: parseErrorData(object(fields, "error")) };
    default:
      throw new DecodeError(`message: unknown kind ${JSON.stringify(kind.slice(0, 60))}`);
  }
}

export function parseErrorData(fields: Fields): ErrorData {
  return {
    name: text(fields, "name"),
    message: text(fields, "message"),
    code: orNull(text)(fields, "code"),
    trace: text(fields, "trace"),
  };
}

function parseRunOutcome(fields: Fields): RunOutcome {
  const kind = text(fields, "kind");
  const runtime = number(fields, "runtime");
  switch (kind) {
    case "success":
      return { kind, result: text(fields, "result"), children: parseChildren(fields), runtime };
    case "failure":
      return { kind, error: parseRaised(object(fields, "error")), children: parseChildren(fields), runtime };
    case "retry": {
      const plan = { eta: text(object(fields, "plan"), "eta") };
      return { kind, plan, error: parseRaised(object(fields, "error")), children: parseChildren(fields), runtime };
    }
    case "ignore":
      return { kind, children: parseChildren(fields), runtime };
    case "reject":
      return {
        kind,
        requeue: flag(fields, "requeue"),
        reason: text(fields, "reason"),
        children: parseChildren(fields),
        runtime,
      };
    default:
      throw new DecodeError(`outcome: unknown kind ${JSON.stringify(kind.slice(0, 60))}`);
  }
}

function parseRaised(fields: Fields): RaisedError {
  const exception = object(fields, "exception");
  return {
    exception: {
      exc_type: text(exception, "exc_type"),
      exc_message: list(exception, "exc_message"),
      exc_module: orNull(text)(exception, "exc_module"),
    },
    traceback: text(fields, "traceback"),
  };
}

function parseChildren(fields: Fields): readonly ResultTuple[] {
  const children = list(fields, "children");
  return children.length === 0 ? [] : children.map(parseResultTuple);
}

/** `[[id, parent], members]`; throws a `DecodeError` for anything else. */
export function parseResultTuple(value: unknown): ResultTuple {
  if (!Array.isArray(value) || !Array.isArray(value[0]))
    throw new DecodeError("children: expected [[id, parent], members]");
  const [[id, parent], members]: readonly [readonly unknown[], unknown] = [value[0], value[1] ?? null];
  if (typeof id !== "string") throw new DecodeError("children: expected an id");
  if (members !== null && !Array.isArray(members)) throw new DecodeError("children: expected an array of members");
  return [
    [id, parent == null ? null : parseResultTuple(parent)],
    members === null ? null : members.map(parseResultTuple),
  ];
}

function parseLogRecord(fields: Fields): TaskLogRecord {
  const level = text(fields, "level");
  if (!isLogLevel(level)) throw new DecodeError(`level: expected one of ${LOG_LEVELS.join(", ")}`);
  return { level, message: text(fields, "message"), fields: object(fields, "fields"), atMs: number(fields, "atMs") };
}

function isLogLevel(value: string): value is LogLevel {
  return LOG_LEVELS.some((level) => level === value);
}

function parseProgress(fields: Fields): TaskProgress {
  return {
    current: number(fields, "current"),
    total: orNull(number)(fields, "total"),
    message: orNull(text)(fields, "message"),
    counters: readCounters(fields.counters),
  };
}
