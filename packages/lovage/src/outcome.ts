import { TaskRevokedError, TimeLimitExceeded, WorkerLostError } from "./errors.js";
import { exceptionInfo } from "./protocol/exception.js";
import { RawJson } from "./protocol/raw-json.js";
import type { TaskState } from "./protocol/states.js";
import type { ExceptionInfo, ResultTuple, TaskMeta } from "./protocol/task-meta.js";
import type { Outcome, TaskRequest } from "./request.js";

/** What is done with the message when a run has ended. */
export type MessageEnd =
  | { readonly kind: "ack" }
  /** Back to the head of its queue. */
  | { readonly kind: "requeue" }
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason };

export const DEAD_LETTER_REASONS = [
  "deliveries_used_up",
  "unknown_task",
  "not_decodable",
  "content_disallowed",
  "rejected",
  "failed",
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** The rules of the task that ran, its own or the app's. */
export interface EndingRules {
  readonly acksOnFailureOrTimeout: boolean;
  readonly rejectOnWorkerLost: boolean;
  /** The message may not be handed out again: it has been worked on as often as `taskMaxDeliveries` allows. */
  readonly deliveriesUsedUp: boolean;
  /** A `revoke` or an `abort` asked for the end of this run. */
  readonly revokeAsked: boolean;
}

/** How a run ended, and what follows from it. Nothing has been done yet. */
export interface Ending {
  /** Undefined when the message goes back to be run again, and nothing is to be known of this run. */
  readonly state: TaskState | undefined;
  /** Return value as JSON, or the error. */
  readonly result: RawJson | ExceptionInfo | null;
  readonly traceback: string | null;
  readonly children: readonly ResultTuple[];
  /** Set with the state RETRY: when to run again. */
  readonly retryAt: Date | undefined;
  readonly message: MessageEnd;
  /** Seconds. */
  readonly runtime: number;
}

const ACK: MessageEnd = { kind: "ack" };
const REQUEUE: MessageEnd = { kind: "requeue" };

/** Decides; does nothing. Source of the acknowledgement rules: celery-protocol 7.3, with late acknowledgement as the rule. */
export function classify(outcome: Outcome, request: TaskRequest, rules: EndingRules): Ending {
  const { runtime } = outcome;
  // Most tasks: worth a way of its own, it saves 2 µs each.
  if (outcome.kind === "success") {
    const { children, result } = outcome;
    return {
      traceback: null,
      children,
      retryAt: undefined,
      message: ACK,
      runtime,
      state: "SUCCESS",
      result: new RawJson(result),
    };
  }
  const children = "children" in outcome ? outcome.children : [];
  const base = { traceback: null, children, retryAt: undefined, message: ACK, runtime } as const;
  const failure = (exception: ExceptionInfo, traceback: string | null): Ending => ({
    ...base,
    state: "FAILURE",
    result: exception,
    traceback,
    message: rules.acksOnFailureOrTimeout ? ACK : { kind: "dead-letter", reason: "failed" },
  });
  const revoked = (): Ending => ({
    ...base,
    state: "REVOKED",
    result: exceptionInfo(new TaskRevokedError("terminated")),
  });
  switch (outcome.kind) {
    case "retry":
      // One that was asked to stop does not come back.
      if (rules.revokeAsked) return revoked();
      return {
        ...base,
        state: "RETRY",
        result: outcome.error.exception,
        traceback: outcome.error.traceback,
        retryAt: new Date(outcome.plan.eta),
      };
    case "failure":
      // A task that was asked to stop and threw in answer has stopped, not failed.
      return rules.revokeAsked ? revoked() : failure(outcome.error.exception, outcome.error.traceback);
    case "ignore":
      return { ...base, state: "IGNORED", result: null };
    case "reject":
      return {
        ...base,
        state: outcome.requeue ? undefined : "REJECTED",
        result: null,
        message: outcome.requeue ? REQUEUE : { kind: "dead-letter", reason: "rejected" },
      };
    case "time-limit":
      return failure(exceptionInfo(new TimeLimitExceeded(String(outcome.limit))), null);
    case "terminated":
      return revoked();
    case "given-back":
      return { ...base, state: undefined, result: null, message: REQUEUE };
    case "lost":
      return lost(outcome, request, rules, base, failure);
  }
}

function lost(
  outcome: Extract<Outcome, { kind: "lost" }>,
  request: TaskRequest,
  rules: EndingRules,
  base: Pick<Ending, "traceback" | "children" | "retryAt" | "runtime">,
  failure: (exception: ExceptionInfo, traceback: string | null) => Ending,
): Ending {
  if (rules.revokeAsked)
    return { ...base, state: "REVOKED", result: exceptionInfo(new TaskRevokedError("terminated")), message: ACK };
  if (rules.rejectOnWorkerLost && !rules.deliveriesUsedUp)
    return { ...base, state: undefined, result: null, message: REQUEUE };
  const error = exceptionInfo(
    new WorkerLostError(`Worker exited prematurely: ${describeExit(outcome)} Job: ${request.id}.`),
  );
  const traceback = outcome.lastError;
  if (!rules.rejectOnWorkerLost) return failure(error, traceback);
  const message: MessageEnd = { kind: "dead-letter", reason: "deliveries_used_up" };
  return { ...base, state: "FAILURE", result: error, traceback, message };
}

/** As in `signal SIGKILL`. */
export function describeExit({
  exitCode,
  signal,
}: {
  readonly exitCode: number | null;
  readonly signal: string | null;
}): string {
  return signal ? `signal ${signal}` : `exitcode ${exitCode ?? "unknown"}`;
}

/** What is kept of a task, all but its id and state. `extended`: with what it was called with. */
export interface MetaExtras {
  readonly name: string;
  readonly args: unknown;
  readonly kwargs: unknown;
}

/** The record a result backend keeps of an ending. */
export function metaOf(
  ending: Ending & { state: TaskState },
  request: TaskRequest,
  now: Date,
  ready: boolean,
  extended: MetaExtras | undefined,
): TaskMeta {
  return {
    taskId: request.id,
    status: ending.state,
    result: ending.result,
    traceback: ending.traceback,
    children: ending.children,
    dateDone: ready ? now : null,
    ...(request.groupId !== null && { groupId: request.groupId }),
    ...(request.parentId !== null && { parentId: request.parentId }),
    ...(extended && { ...extended, worker: request.hostname, retries: request.retries, queue: request.queue }),
  };
}
