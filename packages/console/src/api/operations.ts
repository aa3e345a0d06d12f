import { z } from "@hono/zod-openapi";
import { Instant, Json, ListQuery, pageOf, Role, Seconds } from "./common.js";
import { TaskFilter } from "./tasks.js";

/** What can be done with many tasks at once. `stop-all`: revoke what waits, terminate what runs. */
export const OPERATION_KINDS = ["rerun", "retry", "revoke", "terminate", "forget", "stop-all"] as const;
export const OPERATION_STATES = ["waiting", "running", "done", "cancelled", "failed"] as const;

/** Over `ids`, or over all that match `filter` when it starts. */
export const StartOperation = z.object({
  kind: z.enum(OPERATION_KINDS),
  ids: z.array(z.string()).max(10_000).optional(),
  filter: TaskFilter.optional(),
  /** Of stop-all: which of the two. */
  waiting: z.boolean().default(true),
  running: z.boolean().default(true),
  signal: z.enum(["SIGTERM", "SIGKILL"]).default("SIGTERM"),
  /** The number that the confirmation named, typed: needed by stop-all and by terminate of more than ten. */
  confirm: z.number().int().optional(),
});
export type StartOperation = z.infer<typeof StartOperation>;

export const Operation = z.object({
  id: z.string(),
  kind: z.enum(OPERATION_KINDS),
  state: z.enum(OPERATION_STATES),
  filter: TaskFilter.nullable(),
  by: z.string(),
  createdAt: Instant,
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
  total: z.number().int().nullable(),
  done: z.number().int(),
  failed: z.number().int(),
  skipped: z.number().int(),
  error: z.string().nullable(),
});
export type Operation = z.infer<typeof Operation>;
export const OperationItem = z.object({
  target: z.string(),
  outcome: z.enum(["done", "failed", "skipped"]),
  detail: z.string(),
});
export type OperationItem = z.infer<typeof OperationItem>;
export const OperationPage = pageOf(Operation);
export const OperationDetail = Operation.extend({
  items: z.array(OperationItem),
  nextCursor: z.string().nullable(),
});
export type OperationDetail = z.infer<typeof OperationDetail>;
/** What stop-all would do now. */
export const StopAllCounts = z.object({ waiting: z.number().int(), running: z.number().int() });

export const AuditEntry = z.object({
  id: z.number().int(),
  at: Instant,
  user: z.string(),
  role: z.string(),
  via: z.enum(["page", "api", "flower"]),
  action: z.string(),
  target: z.string(),
  parameters: z.record(z.string(), Json),
  outcome: z.string(),
  address: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
export const AuditPage = pageOf(AuditEntry);
export const AuditQuery = ListQuery.extend({
  q: z.string().max(500).optional(),
  user: z.string().optional(),
  action: z.string().optional(),
  from: Instant.optional(),
  to: Instant.optional(),
});

export const Tiles = z.object({
  workersOnline: z.number().int(),
  workersKnown: z.number().int(),
  running: z.number().int(),
  slots: z.number().int(),
  ready: z.number().int().nullable(),
  reserved: z.number().int(),
  scheduled: z.number().int().nullable(),
  finishedPerMinute: z.number(),
  /** Share of failures among what finished in the last hour, 0 to 1; null when nothing has. */
  failureRate: z.number().nullable(),
  failures: z.number().int(),
  /** Seconds. */
  oldestWaiting: Seconds.nullable(),
  deadLetters: z.number().int().nullable(),
});
export type Tiles = z.infer<typeof Tiles>;

export const ATTENTION_KINDS = [
  "no-consumer",
  "queue-growing",
  "worker-silent",
  "tasks-lost",
  "dead-letters",
  "events-off",
  "clock-skew",
  "two-versions",
  "task-unregistered",
  "broker-unreachable",
  "store-trouble",
  "ingest-behind",
  "events-missed",
] as const;
/** Something that needs a person. `link` is a path of the console. */
export const AttentionItem = z.object({
  id: z.string(),
  kind: z.enum(ATTENTION_KINDS),
  severity: z.enum(["warning", "serious"]),
  title: z.string(),
  detail: z.string(),
  since: Instant,
  link: z.string().nullable(),
});
export type AttentionItem = z.infer<typeof AttentionItem>;

export const Overview = z.object({
  tiles: Tiles,
  attention: z.array(AttentionItem),
  topErrors: z.array(
    z.object({
      fingerprint: z.string(),
      task: z.string(),
      class: z.string(),
      message: z.string(),
      count: z.number().int(),
    }),
  ),
  slowest: z.array(z.object({ task: z.string(), p95: Seconds, runs: z.number().int() })),
  longestRunning: z.array(
    z.object({
      id: z.string(),
      name: z.string().nullable(),
      worker: z.string().nullable(),
      elapsed: Seconds,
      progress: z.object({ current: z.number(), total: z.number().nullable() }).nullable(),
    }),
  ),
  broker: z.object({ reachable: z.boolean(), url: z.string(), error: z.string().nullable() }),
});
export type Overview = z.infer<typeof Overview>;

/** Metrics of `GET series`. `throughput` by state; `wait`, `runtime` p50 p95 p99; `failures` share; `depth` by queue; `slots` busy and capacity. */
export const METRICS = [
  "throughput",
  "wait",
  "runtime",
  "failures",
  "depth",
  "slots",
  "queue",
  "task",
  "dead-letters",
] as const;
export const RANGES = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
export const SeriesQuery = z.object({
  metric: z.enum(METRICS),
  range: z.enum(RANGES).default("1h"),
  /** Narrows to a queue, a task or a worker: `queue:images`. */
  by: z.string().max(400).optional(),
});
export const Series = z.object({
  metric: z.enum(METRICS),
  from: Instant,
  to: Instant,
  /** Seconds between points. */
  step: Seconds,
  unit: z.enum(["per-minute", "seconds", "share", "count"]),
  lines: z.array(z.object({ name: z.string(), points: z.array(z.number().nullable()) })),
});
export type Series = z.infer<typeof Series>;

export const Me = z.object({
  name: z.string(),
  role: z.enum(["viewer", "operator", "admin"]),
  authMode: z.enum(["none", "basic", "header"]),
  readOnly: z.boolean(),
  seesPayloads: z.boolean(),
  environment: z.object({ name: z.string(), color: z.string().nullable() }),
  links: z.array(z.object({ label: z.string(), href: z.string() })),
  version: z.string(),
  hasApp: z.boolean(),
  /** Kept for the user: theme and the like are the browser's own. */
  views: z.array(
    z.object({
      id: z.string(),
      page: z.string(),
      name: z.string(),
      search: z.string(),
      shared: z.boolean(),
      own: z.boolean(),
    }),
  ),
});
export type Me = z.infer<typeof Me>;

export const UserItem = z.object({
  name: z.string(),
  role: z.enum(["viewer", "operator", "admin"]),
  disabled: z.boolean(),
  /** Null for users of `consoleUsers`. */
  createdAt: Instant.nullable(),
  lastSeen: Instant.nullable(),
  source: z.enum(["store", "settings"]),
});
export type UserItem = z.infer<typeof UserItem>;
export const TokenItem = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(["viewer", "operator", "admin"]),
  createdAt: Instant,
  expires: Instant.nullable(),
  lastUsed: Instant.nullable(),
  disabled: z.boolean(),
});
export type TokenItem = z.infer<typeof TokenItem>;

export const SystemInfo = z.object({
  version: z.string(),
  startedAt: Instant,
  broker: z.object({
    url: z.string(),
    reachable: z.boolean(),
    error: z.string().nullable(),
    capabilities: z.record(z.string(), Json),
  }),
  backend: z.object({ url: z.string().nullable(), capabilities: z.record(z.string(), Json) }),
  store: z.object({
    url: z.string(),
    sizeBytes: z.number().nullable(),
    tasks: z.number().int(),
    trouble: z.string().nullable(),
  }),
  ingest: z.object({
    leader: z.boolean(),
    ratePerSecond: z.number(),
    lag: Seconds.nullable(),
    dropped: z.number().int(),
    waiting: z.number().int(),
    /** Times in which nothing was heard, newest first: what happened then is made good where that is possible. */
    gaps: z.array(z.object({ from: Instant, to: Instant, reason: z.string() })),
  }),
  retention: z.object({
    taskDays: z.number(),
    taskCount: z.number().int(),
    failureDays: z.number(),
    logDays: z.number(),
    logBytesPerTask: z.number().int(),
    auditDays: z.number(),
  }),
  streamClients: z.number().int(),
});
export type SystemInfo = z.infer<typeof SystemInfo>;

/** `POST login`: a browser's way in where people have passwords. The reply sets the session's cookie. */
export const LogIn = z.object({ name: z.string().min(1).max(200), password: z.string().min(1).max(1000) });
export const LoggedIn = z.object({ name: z.string(), role: Role });

const Password = z.string().min(8).max(1000);
export const UserList = z.object({ items: z.array(UserItem) });
export const NewUser = z.object({ name: z.string().min(1).max(100), role: Role, password: Password });
export const UserChange = z.object({
  role: Role.optional(),
  password: Password.optional(),
  disabled: z.boolean().optional(),
});

export const TokenList = z.object({ items: z.array(TokenItem) });
export const NewToken = z.object({
  name: z.string().min(1).max(100),
  role: Role,
  /** Null: it does not end by itself. */
  expires: Instant.nullable().default(null),
});
export const TokenChange = z.object({
  name: z.string().min(1).max(100).optional(),
  role: Role.optional(),
  expires: Instant.nullable().optional(),
  disabled: z.boolean().optional(),
});
/** `token` is shown in this reply and never again. */
export const CreatedToken = z.object({ item: TokenItem, token: z.string() });
export type CreatedToken = z.infer<typeof CreatedToken>;

/** A list's filters under a name. `search`: the page's query string. */
export const SavedView = z.object({
  id: z.string(),
  page: z.string(),
  name: z.string(),
  search: z.string(),
  shared: z.boolean(),
  own: z.boolean(),
});
export type SavedView = z.infer<typeof SavedView>;
export const SavedViewList = z.object({ items: z.array(SavedView) });
export const NewView = z.object({
  page: z.string().min(1).max(100),
  name: z.string().min(1).max(100),
  search: z.string().max(4000),
  /** Everybody sees it: an admin's to say. */
  shared: z.boolean().default(false),
});
export const ViewChange = NewView.omit({ page: true }).partial().extend({ shared: z.boolean().optional() });

/** What is left out stays as it is. The server says what each may be. */
export const RetentionChange = SystemInfo.shape.retention.partial();
