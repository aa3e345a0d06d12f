import type { ExceptionInfo, ResultTuple } from "./protocol/task-meta.js";

/**
 * A message being executed, as plain data: what a worker hands to its pool, and what `currentTask()` shows.
 * Instants are ISO texts here because JSON carries it to child processes.
 */
export interface TaskRequest {
  readonly id: string;
  /** The registered name, which decides what runs. */
  readonly name: string;
  /** The message's body, still encoded, so that large arguments are decoded once and where they are used. */
  readonly body: RequestBody;
  /** 0 for the first attempt. */
  readonly retries: number;
  /** How many times this message has been handed to a worker, this time included. */
  readonly deliveries: number;
  /** The delivery's fencing token; see `Delivery.token`. */
  readonly fencingToken: number | undefined;
  readonly eta: string | null;
  readonly expires: string | null;
  /** The worker's node name. */
  readonly hostname: string;
  readonly queue: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly groupId: string | null;
  readonly groupIndex: number | null;
  readonly correlationId: string;
  readonly replyTo: string | null;
  readonly origin: string | null;
  readonly shadow: string | null;
  /** Custom headers of the message. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Seconds; null for no limit. */
  readonly timeLimit: number | null;
  readonly softTimeLimit: number | null;
}

/** Arguments as text of the content type JSON, as in `[[2, 3], {}, {…}]`, or decoded already where no boundary is crossed. */
export type RequestBody =
  | { readonly encoded: string }
  | { readonly args: readonly unknown[]; readonly kwargs: Readonly<Record<string, unknown>> };

/** A raised error as data. */
export interface RaisedError {
  readonly exception: ExceptionInfo;
  /** The stack and its causes, as text. */
  readonly traceback: string;
}

/** When a task is to run again. */
export interface RetryPlan {
  /** ISO instant. */
  readonly eta: string;
}

/** How a task's run ended, told by the code that ran it. */
export type RunOutcome =
  | {
      readonly kind: "success" /** The return value as JSON text. */;
      readonly result: string;
      readonly children: readonly ResultTuple[] /** Seconds. */;
      readonly runtime: number;
    }
  | {
      readonly kind: "failure";
      readonly error: RaisedError;
      readonly children: readonly ResultTuple[];
      readonly runtime: number;
    }
  | {
      readonly kind: "retry";
      readonly plan: RetryPlan;
      readonly error: RaisedError;
      readonly children: readonly ResultTuple[];
      readonly runtime: number;
    }
  | { readonly kind: "ignore"; readonly children: readonly ResultTuple[]; readonly runtime: number }
  | {
      readonly kind: "reject";
      readonly requeue: boolean;
      readonly reason: string;
      readonly children: readonly ResultTuple[];
      readonly runtime: number;
    };

/** How a run ended when the code that ran it cannot tell: told by the pool. */
export type PoolOutcome =
  /** The hard limit ended it. */
  | { readonly kind: "time-limit"; readonly limit: number; readonly runtime: number }
  /** `terminate` ended it. */
  | { readonly kind: "terminated"; readonly signal: string; readonly runtime: number }
  /** The process or thread died under it. */
  | {
      readonly kind: "lost";
      readonly exitCode: number | null;
      readonly signal: string | null /** Bytes, when last seen. */;
      readonly memory: number | null;
      /** What it said last: the uncaught error, or the end of its standard error. */
      readonly lastError: string | null;
      readonly runtime: number;
    }
  /** The pool gave it up unharmed or unfinished for another's sake (a stuck neighbour, a cold shutdown): run it again. */
  | { readonly kind: "given-back"; readonly reason: string; readonly runtime: number };

export type Outcome = RunOutcome | PoolOutcome;
