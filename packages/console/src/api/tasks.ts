import { z } from "@hono/zod-openapi";
import { Instant, Json, ListQuery, pageOf, Seconds } from "./common.js";

/** States that the console itself knows; any other is a custom state of a task's own and is shown under its name. */
export const KNOWN_STATES = [
  "PENDING",
  "SCHEDULED",
  "RECEIVED",
  "STARTED",
  "PROGRESS",
  "RETRY",
  "SUCCESS",
  "FAILURE",
  "REVOKED",
  "REJECTED",
  "IGNORED",
  "LOST",
] as const;
export const FINAL_STATES: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"]);

/**
 * A value of a task. `json`: exact, may be sent again. `repr`: a text made for people (Python's `repr`, or ours), never parsed, never
 * sent again. `cut`: `value` is only its beginning. Null in place of the whole: not known. `hidden`: this user may not see it.
 */
export const TaskValue = z.object({
  form: z.enum(["json", "repr", "hidden"]),
  value: Json,
  sizeBytes: z.number().int().nullable(),
  cut: z.boolean(),
});
export type TaskValue = z.infer<typeof TaskValue>;

/** Values of a task that can be downloaded whole. */
export const TASK_VALUE_NAMES = ["args", "kwargs", "result"] as const;
export type TaskValueName = (typeof TASK_VALUE_NAMES)[number];

export const Progress = z.object({
  current: z.number(),
  total: z.number().nullable(),
  message: z.string().nullable(),
  counters: z.record(z.string(), z.number()),
});
export type Progress = z.infer<typeof Progress>;

/** A task as lists show it. Instants are null until it happened, or when nobody told. */
export const TaskSummary = z.object({
  id: z.string(),
  /** Null when no event has named it yet. */
  name: z.string().nullable(),
  state: z.string(),
  /** One-line texts, at most 200 characters. */
  args: z.string().nullable(),
  kwargs: z.string().nullable(),
  result: z.string().nullable(),
  error: z.string().nullable(),
  worker: z.string().nullable(),
  queue: z.string().nullable(),
  exchange: z.string().nullable(),
  routingKey: z.string().nullable(),
  priority: z.number().nullable(),
  client: z.string().nullable(),
  sent: Instant.nullable(),
  received: Instant.nullable(),
  started: Instant.nullable(),
  finished: Instant.nullable(),
  eta: Instant.nullable(),
  expires: Instant.nullable(),
  /** From sent (or its ETA) to started. */
  wait: Seconds.nullable(),
  runtime: Seconds.nullable(),
  retries: z.number().int(),
  progress: Progress.nullable(),
  rootId: z.string().nullable(),
  parentId: z.string().nullable(),
  groupId: z.string().nullable(),
  schedule: z.string().nullable(),
  job: z.string().nullable(),
  runId: z.string().nullable(),
  rerunOf: z.string().nullable(),
  revoked: z.boolean(),
  /** Grows with each change of this record: a client drops what is older than what it has. */
  version: z.number().int(),
});
export type TaskSummary = z.infer<typeof TaskSummary>;

export const TaskDetail = TaskSummary.extend({
  argsValue: TaskValue.nullable(),
  kwargsValue: TaskValue.nullable(),
  resultValue: TaskValue.nullable(),
  traceback: z.string().nullable(),
  /** Class, message and causes, outermost first. */
  errorChain: z.array(z.object({ class: z.string(), message: z.string() })),
  /** Whether its arguments are known exactly, so that it can be sent again as it was; else why not. */
  exactArguments: z.object({ known: z.boolean(), source: z.string().nullable(), reason: z.string().nullable() }),
  maxRetries: z.number().int().nullable(),
  timeLimit: Seconds.nullable(),
  softTimeLimit: Seconds.nullable(),
  contentType: z.string().nullable(),
  sizeBytes: z.number().int().nullable(),
  deliveries: z.number().int().nullable(),
  slot: z.string().nullable(),
  stamps: z.record(z.string(), Json),
  rerunAs: z.array(z.string()),
  children: z.array(z.string()),
  logsCut: z.boolean(),
  /** What may be done with it now, for this state and worker: `reason` says why not. */
  actions: z.record(
    z.enum(["revoke", "stop", "terminate", "rerun", "retry", "forget"]),
    z.object({ possible: z.boolean(), reason: z.string().nullable() }),
  ),
});
export type TaskDetail = z.infer<typeof TaskDetail>;

export const TaskEvent = z.object({
  type: z.string(),
  at: Instant,
  worker: z.string(),
  clock: z.number().int().nullable(),
  /** All its members, redacted. */
  fields: z.record(z.string(), Json),
});
export type TaskEvent = z.infer<typeof TaskEvent>;

export const Attempt = z.object({
  number: z.number().int(),
  worker: z.string().nullable(),
  received: Instant.nullable(),
  started: Instant.nullable(),
  ended: Instant.nullable(),
  runtime: Seconds.nullable(),
  /** How this attempt ended; STARTED or RECEIVED while it goes on; LOST when its worker vanished. */
  state: z.string(),
  error: z.string().nullable(),
  /** When the next attempt is planned for, after RETRY. */
  nextAt: Instant.nullable(),
  redelivered: z.boolean(),
});
export type Attempt = z.infer<typeof Attempt>;

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LogLine = z.object({
  /** Grows; the cursor of following. */
  seq: z.number().int(),
  taskId: z.string(),
  at: Instant,
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  fields: z.record(z.string(), Json),
  attempt: z.number().int(),
  worker: z.string().nullable(),
});
export type LogLine = z.infer<typeof LogLine>;
export const LogPage = z.object({ items: z.array(LogLine), nextSeq: z.number().int(), cut: z.boolean() });
export type LogPage = z.infer<typeof LogPage>;

/** A task and its children, from the root of its family. Flat; the tree is in `parentId`. */
export const TaskTree = z.object({
  rootId: z.string(),
  tasks: z.array(TaskSummary),
  /** More than are listed here (500 at most). */
  cut: z.boolean(),
});
export type TaskTree = z.infer<typeof TaskTree>;

export const TaskRaw = z.object({
  /** The message, while it waits somewhere that can be looked into. */
  message: z
    .object({
      queue: z.string(),
      headers: z.record(z.string(), Json),
      properties: z.record(z.string(), Json),
      body: Json,
    })
    .nullable(),
  /** The result backend's record. */
  result: z.record(z.string(), Json).nullable(),
  events: z.array(TaskEvent),
});
export type TaskRaw = z.infer<typeof TaskRaw>;

/** Filters of the task list; `q` is the search language. Lists are comma-separated. */
export const TaskFilter = z.object({
  q: z.string().max(2000).optional(),
  state: z.string().optional(),
  name: z.string().optional(),
  worker: z.string().optional(),
  queue: z.string().optional(),
  schedule: z.string().optional(),
  job: z.string().optional(),
  runId: z.string().optional(),
  /** Fingerprint of an error group. */
  error: z.string().optional(),
  receivedFrom: Instant.optional(),
  receivedTo: Instant.optional(),
});
export type TaskFilter = z.infer<typeof TaskFilter>;
/** Sorts: received (default, descending), sent, started, finished, runtime, name, state, retries. */
export const TaskListQuery = ListQuery.extend(TaskFilter.shape);
export const TaskPage = pageOf(TaskSummary).extend({
  /** How many match in each state, whatever `state` says; estimates past 10,000. */
  states: z.record(z.string(), z.number().int()),
  /**
   * There when the time for searching was over before the page was full, which may be empty then: everything back to `to` (forward to it,
   * in ascending order) was looked at, and `nextCursor` goes on from there. `to` is null when sorted by something else than `received`.
   */
  searched: z.object({ to: Instant.nullable() }).nullable(),
});
export type TaskPage = z.infer<typeof TaskPage>;

/** Arguments as they are to be sent: positional, or one object. */
export const SendTask = z.object({
  name: z.string().min(1).max(1000),
  args: z.array(Json).default([]),
  kwargs: z.record(z.string(), Json).default({}),
  id: z.string().max(200).optional(),
  queue: z.string().max(200).optional(),
  priority: z.number().int().min(0).max(9).optional(),
  countdown: Seconds.min(0).optional(),
  eta: Instant.optional(),
  /** Seconds from now. */
  expires: Seconds.min(0).optional(),
});
export type SendTask = z.infer<typeof SendTask>;
export const SentTask = z.object({ id: z.string() });
export type SentTask = z.infer<typeof SentTask>;

/** Re-run with changes: what is left out stays as it was. */
export const RerunTask = SendTask.omit({ id: true })
  .partial()
  .extend({
    // Without the defaults of `SendTask`, which would send it without its arguments.
    args: z.array(Json).optional(),
    kwargs: z.record(z.string(), Json).optional(),
  });
export const TerminateTask = z.object({ signal: z.enum(["SIGTERM", "SIGKILL"]).default("SIGTERM") });

export const ErrorGroup = z.object({
  /** Names the group in filters. */
  fingerprint: z.string(),
  class: z.string(),
  /** With ids, numbers and quoted text stripped. */
  message: z.string(),
  task: z.string(),
  count: z.number().int(),
  /** Failures in twelve equal parts of the range, oldest first. */
  trend: z.array(z.number().int()),
  firstSeen: Instant,
  lastSeen: Instant,
  workers: z.array(z.string()),
  sampleId: z.string(),
});
export type ErrorGroup = z.infer<typeof ErrorGroup>;

export const TaskType = z.object({
  name: z.string(),
  registeredOn: z.array(z.object({ worker: z.string(), kind: z.enum(["lovage", "celery"]) })),
  inApp: z.boolean(),
  queue: z.string().nullable(),
  rateLimit: z.string().nullable(),
  runs: z.number().int(),
  failures: z.number().int(),
  runtimeP50: Seconds.nullable(),
  runtimeP95: Seconds.nullable(),
  waitP95: Seconds.nullable(),
  lastRun: Instant.nullable(),
});
export type TaskType = z.infer<typeof TaskType>;
export const TaskTypeDetail = TaskType.extend({
  description: z.string().nullable(),
  /** Options under their names in `app.task`. */
  options: z.record(z.string(), Json),
  /** JSON Schema (2020-12) of its one object; null when it takes positional arguments or its schema cannot tell. */
  schema: z.record(z.string(), Json).nullable(),
  passes: z.enum(["args", "kwargs"]).nullable(),
  histogram: z.array(z.object({ upTo: Seconds, count: z.number().int() })),
  recentFailures: z.array(TaskSummary),
});
export type TaskTypeDetail = z.infer<typeof TaskTypeDetail>;
