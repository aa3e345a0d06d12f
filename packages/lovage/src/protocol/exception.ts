import * as errors from "../errors.js";
import { encodeJson, isPlainJson } from "./json-encode.js";
import { isFields } from "./read-fields.js";
import { reprValue } from "./repr.js";
import type { ExceptionInfo } from "./task-meta.js";

/**
 * Errors as results carry them. Celery's names travel in both directions for the errors both sides know; any other error of
 * ours is named in a module that Python cannot have loaded, so that its readers make up a class of that name.
 * Source: celery-protocol 5.2, "Exception object".
 */

/** The module of errors that are not Celery's. */
export const OUR_MODULE = "lovage.errors";

/** Characters of an error's message, and of its stack with causes, that are kept. */
const MAX_MESSAGE = 16_384;
const MAX_TRACEBACK = 65_536;
const MAX_CAUSES = 10;

interface KnownClass {
  readonly type: abstract new (...args: never[]) => Error;
  /** Where Python keeps a class of this name. */
  readonly module: string;
  /** Undefined for errors that only ever leave. */
  readonly create?: (message: string, details: errors.ErrorDetails, args: readonly unknown[]) => errors.LovageError;
}

const CELERY = "celery.exceptions";
const BILLIARD = "billiard.exceptions";
const KOMBU = "kombu.exceptions";

/** The classes that are made again from data. Nothing is ever looked up by a name from outside but in here. */
const KNOWN: ReadonlyMap<string, KnownClass> = new Map<string, KnownClass>([
  known("TaskRevokedError", errors.TaskRevokedError, CELERY, (...given) => new errors.TaskRevokedError(...given)),
  known(
    "MaxRetriesExceededError",
    errors.MaxRetriesExceededError,
    CELERY,
    (...given) => new errors.MaxRetriesExceededError(...given),
  ),
  known("NotRegistered", errors.NotRegistered, CELERY, (...given) => new errors.NotRegistered(...given)),
  known("ChordError", errors.ChordError, CELERY, (...given) => new errors.ChordError(...given)),
  known(
    "SoftTimeLimitExceeded",
    errors.SoftTimeLimitExceeded,
    BILLIARD,
    (...given) => new errors.SoftTimeLimitExceeded(...given),
  ),
  known("TimeLimitExceeded", errors.TimeLimitExceeded, BILLIARD, (...given) => new errors.TimeLimitExceeded(...given)),
  known("WorkerLostError", errors.WorkerLostError, BILLIARD, (...given) => new errors.WorkerLostError(...given)),
  known("EncodeError", errors.EncodeError, KOMBU, (...given) => new errors.EncodeError(...given)),
  known("DecodeError", errors.DecodeError, KOMBU, (...given) => new errors.DecodeError(...given)),
  known("ContentDisallowed", errors.ContentDisallowed, KOMBU, (...given) => new errors.ContentDisallowed(...given)),
  ["ValidationError", { type: errors.ValidationError, module: OUR_MODULE, create: validationError }],
  known(
    "ConfigurationError",
    errors.ConfigurationError,
    OUR_MODULE,
    (...given) => new errors.ConfigurationError(...given),
  ),
  known("BrokerError", errors.BrokerError, OUR_MODULE, (...given) => new errors.BrokerError(...given)),
  known(
    "BrokerConnectionError",
    errors.BrokerConnectionError,
    OUR_MODULE,
    (...given) => new errors.BrokerConnectionError(...given),
  ),
  known("UnroutableError", errors.UnroutableError, OUR_MODULE, (...given) => new errors.UnroutableError(...given)),
  known("BackendError", errors.BackendError, OUR_MODULE, (...given) => new errors.BackendError(...given)),
  known(
    "BackendConnectionError",
    errors.BackendConnectionError,
    OUR_MODULE,
    (...given) => new errors.BackendConnectionError(...given),
  ),
  known(
    "ResultTimeoutError",
    errors.ResultTimeoutError,
    OUR_MODULE,
    (...given) => new errors.ResultTimeoutError(...given),
  ),
  ["Retry", { type: errors.Retry, module: CELERY }],
  ["Ignore", { type: errors.Ignore, module: CELERY }],
  ["Reject", { type: errors.Reject, module: CELERY }],
]);

function known(
  name: string,
  type: KnownClass["type"],
  module: string,
  create: (message: string, details: errors.ErrorDetails) => errors.LovageError,
): [string, KnownClass] {
  return [name, { type, module, create: (message, details) => create(message, details) }];
}

function validationError(message: string, details: errors.ErrorDetails, args: readonly unknown[]): errors.LovageError {
  const found = Array.isArray(args[1]) ? args[1].filter(isIssue) : [];
  return new errors.ValidationError(message, { ...details, issues: found });
}
function isIssue(value: unknown): value is errors.ValidationIssue {
  return isFields(value) && typeof value.path === "string" && typeof value.message === "string";
}

/**
 * Whatever was thrown, as data of bounded size. Celery's own errors keep their Python names; others are named by their class in
 * the module `lovage.errors`. Never throws.
 */
export function exceptionInfo(error: unknown): ExceptionInfo {
  try {
    if (error instanceof errors.TaskFailedError) {
      return { exc_type: error.excType, exc_message: error.excMessage, exc_module: error.excModule };
    }
    if (!(error instanceof Error))
      return { exc_type: "Error", exc_message: [plainArgument(error)], exc_module: OUR_MODULE };
    const name = classNameOf(error);
    const match = KNOWN.get(name);
    const own = match !== undefined && error instanceof match.type;
    return {
      exc_type: name,
      exc_message: argumentsOf(error, own ? name : ""),
      exc_module: own ? match.module : OUR_MODULE,
    };
  } catch {
    // Getters of the user's own may throw.
    return { exc_type: "Error", exc_message: ["an error that cannot be read"], exc_module: OUR_MODULE };
  }
}

/** `ValueError('boom')`: as Python shows an exception, for events and logs. */
export function reprException(info: ExceptionInfo): string {
  const args = info.exc_message.map((argument) => reprValue(argument));
  return `${info.exc_type}(${args.join(", ")})`.slice(0, MAX_MESSAGE);
}

/** The stack of whatever was thrown, then those of its causes, cut to a bounded size. Never throws. */
export function tracebackOf(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  let current = error;
  while (current !== undefined && current !== null && parts.length < MAX_CAUSES && !seen.has(current)) {
    seen.add(current);
    parts.push((parts.length === 0 ? "" : "Caused by: ") + stackOf(current));
    current = causeOf(current);
  }
  return cutMiddle(parts.length === 0 ? reprValue(error) : parts.join("\n"));
}

/** Reads the exception object of a result; undefined when it is none. An `exc_message` of plain text counts as one argument. */
export function parseExceptionInfo(value: unknown): ExceptionInfo | undefined {
  if (!isFields(value) || typeof value.exc_type !== "string") return undefined;
  const { exc_type, exc_message, exc_module } = value;
  return {
    exc_type,
    exc_message: Array.isArray(exc_message)
      ? exc_message
      : exc_message === null || exc_message === undefined
        ? []
        : [exc_message],
    exc_module: typeof exc_module === "string" ? exc_module : null,
  };
}

/**
 * The error behind a stored failure: one of our classes where both sides know the error, with what was stored as its `cause`;
 * else a `TaskFailedError` with the names, arguments and stack of where it was thrown. Nothing is ever made by name but from a
 * fixed table.
 */
export function errorFromInfo(info: ExceptionInfo, traceback: string | null): errors.LovageError {
  const { exc_type: excType, exc_message: excMessage, exc_module: excModule } = info;
  const text = excMessage.map((argument) => (typeof argument === "string" ? argument : reprValue(argument)));
  const message = (text[0] === undefined ? excType : `${excType}: ${text.join(", ")}`).slice(0, MAX_MESSAGE);
  const stored = new errors.TaskFailedError(message, { excType, excModule, excMessage, traceback });
  const match = KNOWN.get(excType);
  if (!match?.create || !isModuleOf(match, excModule)) return stored;
  return match.create(text[0] ?? "", { cause: stored }, excMessage);
}

/** Python offers billiard's classes under celery.exceptions as well. */
function isModuleOf(match: KnownClass, module: string | null): boolean {
  return module === match.module || module === OUR_MODULE || (module === CELERY && match.module === BILLIARD);
}

/** A name set on the error itself is what its author calls it; otherwise the class's. */
function classNameOf(error: Error): string {
  const named = Object.hasOwn(error, "name") ? error.name : error.constructor?.name;
  // Python makes a class of this name: it must look like one.
  return typeof named === "string" && /^[\p{L}_][\p{L}\p{N}_.]{0,199}$/u.test(named) ? named : "Error";
}

function argumentsOf(error: Error, knownAs: string): readonly unknown[] {
  const message = cutEnd(String(error.message));
  // Python's class takes the limit as a number.
  if (knownAs === "TimeLimitExceeded" && /^\d+(\.\d+)?$/.test(message)) return [Number(message)];
  if (error instanceof errors.ValidationError && knownAs !== "") return [message, error.issues.slice(0, 50)];
  return message === "" ? [] : [message];
}

/** The value itself where JSON can carry it and it is small, else as Python would show it. */
function plainArgument(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "string") return cutEnd(value);
  return isPlainJson(value, 0) && encodeJson(value).length <= MAX_MESSAGE ? value : reprValue(value);
}

function stackOf(value: unknown): string {
  try {
    if (!(value instanceof Error)) return reprValue(value);
    const stack =
      typeof value.stack === "string" && value.stack !== "" ? value.stack : `${value.name}: ${value.message}`;
    const remote = value instanceof errors.TaskFailedError && value.traceback !== null ? `\n${value.traceback}` : "";
    return stack + remote;
  } catch {
    return "an error that cannot be read";
  }
}

function causeOf(value: unknown): unknown {
  try {
    return value instanceof Error ? value.cause : undefined;
  } catch {
    return undefined;
  }
}

function cutEnd(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE)}…`;
}

/** Both ends of a stack tell something: where it was thrown, and the first cause. */
function cutMiddle(text: string): string {
  const half = MAX_TRACEBACK / 2;
  return text.length <= MAX_TRACEBACK ? text : `${text.slice(0, half)}\n…\n${text.slice(-half)}`;
}
