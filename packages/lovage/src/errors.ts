/**
 * Every error Lovage throws, sorted by what the catcher does next. Each `code` is explained in docs/errors.md.
 *
 * LovageError
 * ├─ ConfigurationError           fix the program
 * ├─ BrokerError                  UnroutableError
 * │  └─ BrokerConnectionError     try again later
 * ├─ BackendError
 * │  └─ BackendConnectionError    try again later
 * ├─ MessageError                 dead-letter it: DecodeError, ContentDisallowed, NotRegistered
 * ├─ TaskError                    stored as FAILURE: ValidationError, TaskRevokedError, …
 * ├─ LeaseLostError               another worker has the message now: drop the outcome
 * └─ ResultTimeoutError           the caller gave up waiting; the task goes on
 * TaskSignal                      thrown by a task on purpose: Retry, Ignore, Reject
 *
 * `instanceof` works across threads' and duplicate installs' copies: classes are recognised by a brand, not by identity.
 */

const BRAND = Symbol.for("lovage.error.lineage");

type ErrorClass = abstract new (...args: never[]) => object;

function lineageOf(value: unknown): readonly unknown[] {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return [];
  try {
    const lineage: unknown = Reflect.get(value, BRAND);
    return Array.isArray(lineage) ? lineage : [];
  } catch {
    // A proxy can be thrown too, and refuse to be read: asking what it is must not throw in its turn.
    return [];
  }
}

/** Gives `target` a name that travels: `value instanceof target` then asks for the name among the value's ancestors. */
function branded<C extends ErrorClass>(name: string, target: C): C {
  const parent: unknown = Object.getPrototypeOf(target.prototype);
  Object.defineProperty(target.prototype, BRAND, { value: [...lineageOf(parent), name] });
  Object.defineProperty(target.prototype, "name", { value: name, configurable: true, writable: true });
  Object.defineProperty(target, Symbol.hasInstance, {
    // A user's own subclass has no name of its own here: it inherits this method and must fall back to identity.
    value(this: ErrorClass, value: unknown) {
      return this === target
        ? lineageOf(value).includes(name)
        : Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
  return target;
}

export interface ErrorDetails {
  /** Stable, lower_snake_case; see docs/errors.md. */
  readonly code?: string;
  readonly cause?: unknown;
}

/** The root of every error of ours. */
export class LovageError extends Error {
  readonly code: string;
  constructor(message: string, details: ErrorDetails & { code: string }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
  }
}

/** The program, its settings or its environment are wrong: fix them. Never retried. */
export class ConfigurationError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "configuration", ...details });
  }
}

/** The broker refused or could not do something. */
export class BrokerError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "broker", ...details });
  }
}
/** The broker cannot be reached, or did not answer within its deadline: try again later. */
export class BrokerConnectionError extends BrokerError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "broker_connection", ...details });
  }
}
/** A published message matched no queue, so the broker did not keep it. */
export class UnroutableError extends BrokerError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "unroutable", ...details });
  }
}
/** The holder of a delivery no longer holds it: its lease ran out and the message went to another consumer. */
export class LeaseLostError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "lease_lost", ...details });
  }
}

/** The result backend refused or could not do something. */
export class BackendError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "backend", ...details });
  }
}
/** The result backend cannot be reached, or did not answer within its deadline: try again later. */
export class BackendConnectionError extends BackendError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "backend_connection", ...details });
  }
}

/** A message that can never be run as it is: it goes to the dead letters. */
export class MessageError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "message", ...details });
  }
}
/** Bytes that are not what they claim to be. `message` says what was expected and where. */
export class DecodeError extends MessageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "decode", ...details });
  }
}
/** A content type that `acceptContent` does not list; it was not decoded. */
export class ContentDisallowed extends MessageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "content_disallowed", ...details });
  }
}
/** No task of this name is registered here. */
export class NotRegistered extends MessageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "not_registered", ...details });
  }
}

/** A task failed, or may not run: stored as its result. */
export class TaskError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "task", ...details });
  }
}
/** One thing wrong with a task's input. */
export interface ValidationIssue {
  /** Where, as in `images[0].width`; empty for the input as a whole. */
  readonly path: string;
  readonly message: string;
}
/** The input does not fit the task's schema. In the caller nothing was sent; in a worker the task fails, without retry. */
export class ValidationError extends TaskError {
  readonly issues: readonly ValidationIssue[];
  constructor(message: string, details: ErrorDetails & { issues?: readonly ValidationIssue[] } = {}) {
    super(message, { code: "validation", ...details });
    this.issues = details.issues ?? [];
  }
}
/** A value that the content type cannot carry. `message` names the place. */
export class EncodeError extends TaskError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "encode", ...details });
  }
}
/** The task was revoked, terminated or expired; `message` is one of these words, as in Celery. */
export class TaskRevokedError extends TaskError {
  constructor(message = "revoked", details: ErrorDetails = {}) {
    super(message, { code: "task_revoked", ...details });
  }
}
/** All the task's retries are used up. */
export class MaxRetriesExceededError extends TaskError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "max_retries_exceeded", ...details });
  }
}
/** The task ran past its soft time limit; it may catch this and tidy up until the hard limit. */
export class SoftTimeLimitExceeded extends TaskError {
  constructor(message = "", details: ErrorDetails = {}) {
    super(message, { code: "soft_time_limit_exceeded", ...details });
  }
}
/** The task ran past its hard time limit and was ended from outside. */
export class TimeLimitExceeded extends TaskError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "time_limit_exceeded", ...details });
  }
}
/** The process or thread that ran the task died. */
export class WorkerLostError extends TaskError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "worker_lost", ...details });
  }
}
/** A member of a chord's header failed, so its body cannot run. */
export class ChordError extends TaskError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "chord", ...details });
  }
}
/** What `AsyncResult.get` throws for a failure that is none of the classes above: the task's own error, as it was stored. */
export class TaskFailedError extends TaskError {
  /** The error's class name where it was thrown, as in `ValueError`. */
  readonly excType: string;
  /** The module of that class, as in `builtins`; null when unknown. */
  readonly excModule: string | null;
  /** The constructor's arguments. */
  readonly excMessage: readonly unknown[];
  /** The stack where it was thrown, in its own language's form. */
  readonly traceback: string | null;
  constructor(
    message: string,
    details: ErrorDetails & {
      excType: string;
      excModule: string | null;
      excMessage: readonly unknown[];
      traceback: string | null;
    },
  ) {
    super(message, { code: "task_failed", ...details });
    this.excType = details.excType;
    this.excModule = details.excModule;
    this.excMessage = details.excMessage;
    this.traceback = details.traceback;
  }
}

/** `get({ timeout })` ended before the task did. The task goes on. */
export class ResultTimeoutError extends LovageError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: "result_timeout", ...details });
  }
}

/** Thrown by a task on purpose; never logged as a failure. */
export abstract class TaskSignal extends Error {}

/** When and with what a task is to run again. Unset members are taken from the task's own options. */
export interface RetryOptions {
  /** Seconds from now. */
  readonly countdown?: number;
  /** The instant to run at; instead of `countdown`. */
  readonly eta?: Date;
  /** Why; stored as the result while the task waits, and thrown when no retry is left. */
  readonly exc?: Error;
  /** Overrides the task's `maxRetries` for this retry; null for no limit. */
  readonly maxRetries?: number | null;
}
/** Runs the task again later. Thrown by `currentTask().retry()`. */
export class Retry extends TaskSignal {
  readonly options: RetryOptions;
  constructor(options: RetryOptions = {}) {
    super(options.exc ? `Retry: ${options.exc.message}` : "Retry");
    this.options = options;
  }
}
/** Ends the task without storing a result. */
export class Ignore extends TaskSignal {}
/** Gives the message back unacknowledged: to its queue with `requeue`, else to the dead letters. */
export class Reject extends TaskSignal {
  readonly requeue: boolean;
  constructor(reason = "rejected by the task", options: { requeue?: boolean } = {}) {
    super(reason);
    this.requeue = options.requeue ?? false;
  }
}

/** Classes under the names that docs, results and other threads know them by. */
const NAMED = {
  LovageError,
  ConfigurationError,
  BrokerError,
  BrokerConnectionError,
  UnroutableError,
  LeaseLostError,
  BackendError,
  BackendConnectionError,
  MessageError,
  DecodeError,
  ContentDisallowed,
  NotRegistered,
  TaskError,
  ValidationError,
  EncodeError,
  TaskRevokedError,
  MaxRetriesExceededError,
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
  WorkerLostError,
  ChordError,
  TaskFailedError,
  ResultTimeoutError,
  TaskSignal,
  Retry,
  Ignore,
  Reject,
} as const;
for (const [name, target] of Object.entries(NAMED)) branded(name, target);
