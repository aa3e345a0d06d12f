import type { Connections } from "../connections/connections.js";
import type { GroupMeta, TaskMeta } from "../protocol/task-meta.js";
import type { Clock } from "../util/clock.js";
import type { Logger } from "../util/logger.js";

/**
 * Keeps results. `test/contract/backend.contract.ts` pins every sentence here.
 *
 * Errors: a store that cannot be reached, or does not answer within its deadline, rejects with `BackendConnectionError`;
 * anything else it refuses is a `BackendError`.
 */
export interface ResultBackend {
  readonly capabilities: BackendCapabilities;
  /** Opens the connection. Idempotent. */
  connect(signal?: AbortSignal): Promise<void>;
  /** Idempotent; safe before `connect`. Pending `wait`s reject. */
  close(): Promise<void>;
  /**
   * Keeps `meta` in place of what was there, and wakes waiters if its state is ready. Returns whether it was kept:
   * a stored SUCCESS is never replaced by a write with the same or no fence (Celery's rule), and a write whose `fence` is
   * lower than the one stored is refused whatever it says, so that a worker that was frozen cannot overwrite
   * the run that replaced it. A write with a higher fence always wins.
   */
  store(meta: TaskMeta, options?: StoreOptions): Promise<boolean>;
  /** What is stored, if anything, and not expired. */
  get(id: string): Promise<TaskMeta | undefined>;
  /** Removes what is stored. Not an error when there is nothing. */
  forget(id: string): Promise<void>;
  /**
   * Resolves with the first ready state of this task; rejects with the signal's reason when it aborts first.
   * Keeps the process alive meanwhile where other processes can bring that state about.
   */
  wait(id: string, signal: AbortSignal): Promise<TaskMeta>;
  saveGroup(group: GroupMeta): Promise<void>;
  restoreGroup(id: string): Promise<GroupMeta | undefined>;
  /** Counts a finished part of a chord and returns how many have been counted. Atomic; a repeated part counts once. */
  countChordPart(groupId: string, partId: string): Promise<number>;
  /** Deletes what expired before `now` and returns how many results went. */
  removeExpired(now: Date): Promise<number>;
  /**
   * Where only the sender can read results: the address they come to, for `reply_to` of the tasks this process sends. Resolves once what is
   * sent there will arrive. Absent where results are stored.
   */
  replyAddress?(): Promise<string>;
}

export interface BackendCapabilities {
  /** Whether results survive the end of this process. */
  readonly durable: boolean;
  /** Whether other processes see the same results. */
  readonly shared: boolean;
  /**
   * Names the log that results are written to in order, if it is one that a broker may share. Where `BrokerCapabilities.log` is the
   * same, a result stored with a fence and the acknowledgement of the delivery with that token, asked for in the same turn of the event
   * loop, become safe together, the result first; when the result cannot be stored, the acknowledgement rejects too.
   */
  readonly log: string | undefined;
  /** Whether any process can read a result, or only the one that sent the task ("sender"). */
  readonly readers: "all" | "sender";
  /**
   * Whether `StoreOptions.fence` counts and a SUCCESS is kept. Without it the ready state that comes last wins, whatever it is, and passing
   * states count until the first ready one.
   */
  readonly fencing: boolean;
  /** Whether groups are kept and a chord's parts are counted; those calls are refused otherwise (`no_groups`). */
  readonly groups: boolean;
  /** What has expired goes by itself, by the store's own clock, and `removeExpired` finds nothing; or it is "removed" by that call. */
  readonly expiry: "itself" | "removed";
}

export interface StoreOptions {
  /** The fencing token of the delivery whose outcome this is. */
  readonly fence?: number | undefined;
  /** `reply_to` of the task's message, where results go to the sender: without it there is nobody to tell, and nothing is kept. */
  readonly replyTo?: string | null | undefined;
  /** `correlation_id` of the task's message. @default the task's id */
  readonly correlationId?: string | undefined;
}

/** What a driver is opened with; `open-backend.ts` fills it from the settings. */
export interface BackendOptions {
  readonly url: string;
  /** Seconds a result is kept after it was stored; null for ever. */
  readonly resultExpires: number | null;
  /** `resultBackendTransportOptions`: each driver has its own, reads them from the URL's query too, and refuses unknown ones. @default {} */
  readonly transport?: Readonly<Record<string, unknown>>;
  /** Seconds that an answer of the store is waited for. @default the driver\'s own */
  readonly responseTimeout?: number | undefined;
  /** The broker's URL and its transport options, for results that travel as messages. */
  readonly brokerUrl?: string;
  readonly brokerTransport?: Readonly<Record<string, unknown>>;
  /** The app's open connections, shared with its broker. */
  readonly connections: Connections;
  readonly logger: Logger;
  /** By which results expire. @default the system's */
  readonly clock?: Clock;
}
