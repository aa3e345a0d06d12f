import { z } from "@hono/zod-openapi";
import { Instant, Json, Seconds } from "./common.js";

export const WORKER_STATUSES = ["online", "silent", "offline"] as const;

/** A worker as last heard of. Figures of one that is not online are from `figuresAt`: show them dated, never add them up. */
export const WorkerSummary = z.object({
  name: z.string(),
  kind: z.enum(["lovage", "celery"]),
  version: z.string().nullable(),
  /** online: heartbeats come; silent: none for two of its periods; offline: it said so, or silent for long. */
  status: z.enum(WORKER_STATUSES),
  lastHeartbeat: Instant.nullable(),
  figuresAt: Instant.nullable(),
  pool: z.string().nullable(),
  slots: z.number().int().nullable(),
  busy: z.number().int().nullable(),
  active: z.number().int().nullable(),
  reserved: z.number().int().nullable(),
  processed: z.number().int().nullable(),
  succeeded: z.number().int(),
  failed: z.number().int(),
  retried: z.number().int(),
  queues: z.array(z.string()),
  loadAverage: z.array(z.number()),
  memoryBytes: z.number().nullable(),
  uptime: Seconds.nullable(),
  /** Whether it sends task events; null when not known. */
  events: z.boolean().nullable(),
  clockSkew: Seconds.nullable(),
});
export type WorkerSummary = z.infer<typeof WorkerSummary>;

export const WorkerList = z.object({
  items: z.array(WorkerSummary),
  /** Over online workers only. */
  totals: z.object({
    online: z.number().int(),
    known: z.number().int(),
    slots: z.number().int(),
    busy: z.number().int(),
    active: z.number().int(),
    reserved: z.number().int(),
    processed: z.number().int(),
    succeeded: z.number().int(),
    failed: z.number().int(),
    retried: z.number().int(),
  }),
});
export type WorkerList = z.infer<typeof WorkerList>;

export const Slot = z.object({
  id: z.string(),
  pid: z.number().int().nullable(),
  taskId: z.string().nullable(),
  taskName: z.string().nullable(),
  elapsed: Seconds.nullable(),
  timeLimit: Seconds.nullable(),
  softTimeLimit: Seconds.nullable(),
  finished: z.number().int().nullable(),
  memoryBytes: z.number().nullable(),
});
export type Slot = z.infer<typeof Slot>;

export const WorkerTask = z.object({
  id: z.string(),
  name: z.string(),
  args: z.string(),
  kwargs: z.string(),
  started: Instant.nullable(),
  eta: Instant.nullable(),
  pid: z.number().int().nullable(),
});
export type WorkerTask = z.infer<typeof WorkerTask>;

export const WorkerQueue = z.object({
  name: z.string(),
  exchange: z.string().nullable(),
  exchangeType: z.string().nullable(),
  routingKey: z.string().nullable(),
  durable: z.boolean().nullable(),
  arguments: z.record(z.string(), Json),
});

export const WorkerLimit = z.object({
  task: z.string(),
  rateLimit: z.string().nullable(),
  softTimeLimit: Seconds.nullable(),
  timeLimit: Seconds.nullable(),
  /** Where the present value comes from. `console`: set from here or by remote control, gone when the worker restarts. */
  origin: z.enum(["task", "settings", "control", "unknown"]),
});
export type WorkerLimit = z.infer<typeof WorkerLimit>;

export const CONTROLS = [
  "ping",
  "refresh",
  "shutdown",
  "cold-shutdown",
  "events",
  "consumers",
  "rate-limit",
  "time-limit",
  "grow",
  "shrink",
  "autoscale",
  "restart",
  "terminate",
  "stop",
] as const;

export const WorkerDetail = WorkerSummary.extend({
  host: z.string(),
  pid: z.number().int().nullable(),
  system: z.string().nullable(),
  startedAt: Instant.nullable(),
  autoscale: z.object({ min: z.number().int(), max: z.number().int() }).nullable(),
  prefetch: z.number().int().nullable(),
  maxTasksPerChild: z.string().nullable(),
  maxMemoryPerChild: z.string().nullable(),
  slotsList: z.array(Slot),
  /** How exact `slotsList` is: Python workers tell the tasks that run, not their slots. */
  queuesList: z.array(WorkerQueue),
  activeTasks: z.array(WorkerTask),
  reservedTasks: z.array(WorkerTask),
  scheduledTasks: z.array(WorkerTask),
  revokedIds: z.array(z.string()),
  registered: z.array(z.string()),
  limits: z.array(WorkerLimit),
  /** Per task type. */
  runtimes: z.array(
    z.object({ task: z.string(), count: z.number().int(), p50: Seconds.nullable(), p95: Seconds.nullable() }),
  ),
  usage: z.record(z.string(), z.number()),
  settings: z.array(z.object({ name: z.string(), value: Json, isDefault: z.boolean() })),
  history: z.array(
    z.object({ at: Instant, what: z.string(), by: z.string().nullable(), outcome: z.string().nullable() }),
  ),
  /** What it can do now; `reason` in words where it cannot. */
  controls: z.record(z.enum(CONTROLS), z.object({ possible: z.boolean(), reason: z.string().nullable() })),
  /** Parts of the snapshot that got no answer, as in `stats`. */
  unanswered: z.array(z.string()),
});
export type WorkerDetail = z.infer<typeof WorkerDetail>;

export const PoolChange = z.object({ n: z.number().int().min(1).max(1000).default(1) });
export const AutoscaleChange = z.object({ min: z.number().int().min(0), max: z.number().int().min(1) });
export const AddConsumer = z.object({
  queue: z.string().min(1).max(255),
  exchange: z.string().max(255).optional(),
  exchangeType: z.enum(["direct", "topic", "fanout"]).optional(),
  routingKey: z.string().max(255).optional(),
});
export const EventsChange = z.object({ enabled: z.boolean() });
export const ShutdownOrder = z.object({ cold: z.boolean().default(false) });
/** `all`: on all workers. An empty text or null clears. */
export const RateLimitChange = z.object({
  task: z.string().min(1),
  rateLimit: z.string().max(30).nullable(),
  all: z.boolean().default(false),
});
export const TimeLimitChange = z.object({
  task: z.string().min(1),
  soft: Seconds.min(0).nullable(),
  hard: Seconds.min(0).nullable(),
  all: z.boolean().default(false),
});

/** Filters of the worker list; lists are comma-separated. */
export const WorkerListQuery = z.object({
  q: z.string().max(255).optional(),
  status: z.string().max(60).optional(),
  queue: z.string().max(255).optional(),
  kind: z.enum(["lovage", "celery"]).optional(),
  /** Those that are offline too. */
  offline: z.stringbool().default(false),
});
/** `maxAge`: seconds that the snapshot may be old; 0 asks the worker now. */
export const WorkerDetailQuery = z.object({ maxAge: z.coerce.number().min(0).max(3600).default(5) });
/** Several workers at once. */
export const Workers = z.object({ workers: z.array(z.string().min(1).max(500)).min(1).max(1000) });
export const BulkEvents = Workers.extend(EventsChange.shape);
/** `cancel`: stops the consumer instead of adding it. */
export const BulkConsumers = Workers.extend(AddConsumer.shape).extend({ cancel: z.boolean().default(false) });
export const BulkShutdown = Workers.extend(ShutdownOrder.shape);
