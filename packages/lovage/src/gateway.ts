import type { QueueSpec, Route } from "./brokers/broker.js";
import type { Message } from "./protocol/message.js";
import type { TaskMeta } from "./protocol/task-meta.js";

/** Where transactions must be that tasks are sent in. */
export interface TransactionPlace {
  /** Names the database and schema; see `outbox/database-id.ts`. */
  readonly databaseId: string;
  /** `reply_to` of what is sent, where results come to the sender. */
  readonly replyTo: string | null;
}

/**
 * All that tasks and results need of the outside. In clients and workers it is the app's own broker and result backend
 * (`open-gateway.ts`); in a pool's threads and processes, which hold no connection, it is a port to the worker
 * (`worker/pools/port-gateway.ts`). Values that pass here are plain data.
 */
export interface Gateway {
  /** Declares `queue` (once) and publishes. Settles once the broker holds the message. */
  send(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void>;
  /** Makes ready what sending inside a transaction of the caller's needs: the tables, and `queue`. */
  prepareTransaction(queue: QueueSpec | undefined): Promise<TransactionPlace>;
  getResult(id: string): Promise<TaskMeta | undefined>;
  /** Resolves with the first ready state. */
  waitResult(id: string, signal: AbortSignal): Promise<TaskMeta>;
  storeResult(meta: TaskMeta): Promise<void>;
  forgetResult(id: string): Promise<void>;
  /** Broadcasts a control request to all workers, without waiting for replies. */
  control(method: string, args: Readonly<Record<string, unknown>>): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
