import type { Logger, Lovage } from "lovage";
import type { BrokerCapabilities } from "lovage/internal";
import type { ActionOutcome } from "../api/common.js";
import type { LiveEventName, LiveEvents } from "../api/live.js";
import type { AttentionItem, Operation, StartOperation, SystemInfo, Tiles } from "../api/operations.js";
import type { QueueSummary } from "../api/queues.js";
import type { SendTask } from "../api/tasks.js";
import type { WorkerDetail, WorkerSummary } from "../api/workers.js";
import type { ActionDesk } from "./actions/action-desk.js";
import type { AuditTrail } from "./audit/audit-trail.js";
import type { AccountBook } from "./auth/accounts.js";
import type { PasswordLogin } from "./auth/password-login.js";
import type { SavedViews } from "./auth/saved-views.js";
import type { ConsoleOptions } from "./console-options.js";
import type { JobBook } from "./jobs/job-book.js";
import type { StreamRequest } from "./live/stream-client.js";
import type { OperationRunner } from "./operations/operation-runner.js";
import type { ScannedLetter } from "./queues/dead-letter-book.js";
import type { User } from "./route.js";
import type { Database } from "./store/database.js";
import type { SeriesStore } from "./store/series-store.js";
import type { TaskRecord } from "./store/task-record.js";
import type { RetentionLimits, TaskStore } from "./store/task-store.js";

/** The console's running parts: what handlers act on. Built and taken down by `console.ts`. */
export interface ConsoleParts {
  /** Of `--app`, or one made of the broker's URL alone. */
  readonly app: Lovage;
  /** Whether the app's own module was loaded: its tasks, schemas and jobs are known. */
  readonly hasApp: boolean;
  readonly options: ConsoleOptions;
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly series: SeriesStore;
  readonly fleet: Fleet;
  readonly queues: QueueWatch;
  readonly ingest: Ingest;
  readonly actions: ActionDesk;
  readonly operations: OperationRunner;
  readonly jobs: JobBook;
  readonly overview: OverviewWatch;
  readonly live: LiveStreams;
  readonly audit: AuditTrail;
  readonly accounts: AccountBook;
  readonly logins: PasswordLogin;
  readonly views: SavedViews;
  readonly health: Health;
  readonly retention: Retention;
  readonly logger: Logger;
  readonly startedAt: Date;
  now(): Date;
}

/** Sends changes to open streams. Never waits for a client, never grows without bound. */
export interface LiveHub {
  /** `key`: only the newest of what is published under one key and topic within a quarter of a second is sent. */
  publish<E extends LiveEventName>(topic: string, event: E, data: LiveEvents[E], key?: string): void;
  /** Whether anybody listens: what is costly to make need not be made otherwise. */
  hasListeners(topic: string): boolean;
  readonly clientCount: number;
}

/** The hub as the stream's route sees it. */
export interface LiveStreams extends LiveHub {
  /** Writes the stream to `client.response` until either side ends it. */
  open(client: StreamRequest): void;
}

/** Whether what the console stands on can be reached now. */
export interface Health {
  readonly broker: SystemInfo["broker"];
  readonly backend: SystemInfo["backend"];
  /** Looks now, and says what is wrong: empty when the console can serve. */
  check(): Promise<{ readonly store: string | null; readonly broker: string | null }>;
}

/** The workers, ours and Python's: heartbeats from events, the rest by asking them all at once, shared by all who look. */
export interface Fleet {
  list(options?: { readonly offline?: boolean }): readonly WorkerSummary[];
  get(name: string): WorkerSummary | undefined;
  /** Asks again when what is known is older than `maxAge` seconds. Undefined for a worker never heard of. */
  detail(name: string, options: { readonly maxAge: number }): Promise<WorkerDetail | undefined>;
  /** Asks all workers (or one) at once; everybody who waits shares the answer. */
  refresh(name?: string): Promise<void>;
  /**
   * Sends a command and gives each worker's own words; a worker that stays silent for `consoleInspectTimeout` is `no-answer`. Without a
   * destination it goes to every worker on the broker, whether the console has heard of it or not.
   */
  control(
    method: string,
    args: Readonly<Record<string, unknown>>,
    options: { readonly destination?: readonly string[]; readonly by: User },
  ): Promise<readonly ActionOutcome[]>;
  /** Removes an offline worker from pages, API and metrics. False when it is not offline. */
  forget(name: string): Promise<boolean>;
  /** Task names → workers that have them registered. */
  registered(): ReadonlyMap<string, readonly { readonly worker: string; readonly kind: "lovage" | "celery" }[]>;
  /** Raw last replies of a worker, by command (`stats`, `active_queues`, …), as they came: Flower's API shows them. */
  replies(
    name: string,
  ): { readonly at: Date | undefined; readonly replies: Readonly<Record<string, unknown>> } | undefined;
  /** Notes in the worker's history what was sent to it from here. */
  onChange(
    listener: (worker: WorkerSummary, change: "online" | "silent" | "offline" | "figures" | "forgotten") => void,
  ): () => void;
}

/** The broker's queues, sampled every 5 s. */
export interface QueueWatch {
  list(options?: { readonly internal?: boolean }): Promise<readonly QueueSummary[]>;
  get(name: string): Promise<QueueSummary | undefined>;
  /** Looks at the broker now, once for all who ask. */
  refresh(): Promise<void>;
  /** Whether the broker answered last time, since when, and what it said instead. */
  readonly state: { readonly reachable: boolean; readonly error: string | null; readonly since: Date };
  /** What the broker can tell; undefined before it was reached. */
  readonly capabilities: BrokerCapabilities | undefined;
  /** The dead letters: looked through when their number changes or somebody asks, once for all. */
  readonly deadLetters: DeadLetterWatch;
  /** Queues that are paused: their consumers are cancelled on every worker, also on those that start later. */
  paused(): readonly string[];
  pause(queue: string, by: User): Promise<readonly ActionOutcome[]>;
  /** Throws an `ApiError` (409, `not_paused`). When the broker is away it stays paused. */
  resume(queue: string, by: User): Promise<readonly ActionOutcome[]>;
}

export interface DeadLetterWatch {
  /** As of the last look: how many died where, and why. */
  readonly counts: readonly { readonly queue: string; readonly reason: string; readonly count: number }[];
  readonly total: number;
  /** All letters that can be looked through, as of two seconds ago at most; `total` is how many there are. Rejects with a `BrokerError`. */
  scan(): Promise<{ readonly letters: readonly ScannedLetter[]; readonly total: number }>;
  /** Says that what was known is out of date. */
  forget(): void;
}

/** Events in, records out. */
export interface Ingest {
  readonly status: SystemInfo["ingest"];
  /** Brings a record up to date with what the result backend or a broker knows. Redacted and merged as events are. */
  learn(id: string, news: Partial<TaskRecord>): Promise<void>;
  /** Looks in the result backend and at the workers for a task that may have ended unheard; the record as it is then. */
  makeGood(id: string): Promise<TaskRecord | undefined>;
  /** Forgets what is at hand of these tasks: they are no longer in the store. */
  forgotten(ids: readonly string[]): void;
  /** Every record that was written, in order. */
  onTasks(listener: (records: readonly TaskRecord[]) => void): () => void;
  /** Every event heard, once, before it is merged: metrics count them. */
  onEvent(listener: (event: HeardEvent) => void): () => void;
}
export interface HeardEvent {
  readonly type: string;
  readonly hostname: string;
  readonly timestamp: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The task's record before this event, if it is about one. */
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord | undefined;
}

/** What can be done with one task. Each says what it did. */
export interface TaskActions {
  send(task: SendTask, by: User): Promise<{ readonly id: string }>;
  revoke(ids: readonly string[], by: User): Promise<readonly ActionOutcome[]>;
  stop(ids: readonly string[], by: User): Promise<readonly ActionOutcome[]>;
  terminate(ids: readonly string[], signal: "SIGTERM" | "SIGKILL", by: User): Promise<readonly ActionOutcome[]>;
  /** Throws an `ApiError` (409, `arguments_not_known`) when its arguments are not known exactly. */
  rerun(id: string, changes: Partial<SendTask>, by: User): Promise<{ readonly id: string }>;
  retry(id: string, by: User): Promise<{ readonly id: string }>;
  forget(ids: readonly string[], by: User): Promise<readonly ActionOutcome[]>;
}

/** Bulk operations: they go on after a restart. */
export interface Operations {
  start(order: StartOperation, by: User): Promise<Operation>;
  cancel(id: string): Promise<Operation | undefined>;
  list(request: {
    readonly limit: number;
    readonly cursor: string | undefined;
  }): Promise<{ readonly items: readonly Operation[]; readonly nextCursor: string | null; readonly total: number }>;
  get(id: string): Promise<Operation | undefined>;
}

/** Jobs of the program and those made here, and their runs. Routes use the class itself (`jobs/jobs.ts`). */
export interface Jobs {
  readonly jobSlugs: readonly string[];
  counts(): Promise<readonly { readonly job: string; readonly state: string; readonly runs: number }[]>;
}

export interface OverviewWatch {
  readonly tiles: Tiles;
  readonly attention: readonly AttentionItem[];
  /** Looks now, once for all who ask. Never rejects. */
  refresh(): Promise<void>;
}

export interface AuditLog {
  write(entry: {
    readonly user: string;
    readonly role: string;
    readonly via: User["via"];
    readonly action: string;
    readonly target: string;
    readonly parameters: unknown;
    readonly outcome: string;
    readonly address: string;
  }): Promise<void>;
}

/** Users, sessions and tokens. Routes use the class itself (`auth/accounts.ts`). */
export interface Accounts {
  /** Whether anybody could log in. */
  readonly isEmpty: boolean;
}

/** What is kept for how long; edited in Settings. */
export interface Retention {
  readonly limits: RetentionLimits & { readonly logBytesPerTask: number; readonly auditDays: number };
  change(changes: Partial<SystemInfo["retention"]>): Promise<void>;
}
