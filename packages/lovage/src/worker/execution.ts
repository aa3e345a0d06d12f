import type { Delivery } from "../brokers/broker.js";
import type { TaskMessage } from "../protocol/task-message.js";
import type { TaskRequest } from "../request.js";
import type { TaskDefinition } from "../task.js";
import { type Deferred, deferred } from "../util/deferred.js";
import type { Run } from "./pools/pool.js";

/** What a waiting task is told. */
export type Turn = "run" | "revoked" | "give-back";

/**
 * One delivery on its way through this worker:
 *
 *   received ──> reserved ──(rate limit, then a free slot)──> active ──> concluding ──> gone
 *                   └────────(revoked, or the worker stops)───────────────────^
 */
export class Execution {
  readonly delivery: Delivery;
  readonly message: TaskMessage;
  readonly definition: TaskDefinition;
  readonly request: TaskRequest;
  /** How often work on this message has been recorded to begin; 0 for one that was never redelivered. */
  begun = 0;
  readonly received: Date;
  /** Settled when this task may run, or must not. */
  readonly turn: Deferred<Turn> = deferred<Turn>();
  /** Set while it runs. */
  run: Run | undefined;
  started: Date | undefined;
  acknowledged = false;
  revokeAsked = false;
  /** Another worker has the message: nothing of this run may be made known. */
  leaseLost = false;
  /** The last write of a passing state, while it is under way; the final one waits for it. */
  lastWrite: Promise<unknown> | undefined;

  constructor(parts: Pick<Execution, "delivery" | "message" | "definition" | "request" | "received">) {
    this.delivery = parts.delivery;
    this.message = parts.message;
    this.definition = parts.definition;
    this.request = parts.request;
    this.received = parts.received;
  }

  get id(): string {
    return this.request.id;
  }

  /** The name for logs and events: Celery shows a task's shadow. */
  get shownName(): string {
    return this.request.shadow ?? this.request.name;
  }

  isExpired(now: Date): boolean {
    const { expires } = this.message;
    return expires != null && expires <= now;
  }
}
