import { z } from "@hono/zod-openapi";
import { Instant, Json, ListQuery, pageOf, Seconds } from "./common.js";
import { LogLine, Progress, TaskValue } from "./tasks.js";

export const CONCURRENCIES = ["allow", "skip", "queue"] as const;

/** A run of a job: one root task and what it sent. Its id is the root task's. */
export const RunSummary = z.object({
  id: z.string(),
  job: z.string(),
  /** Counts the job's runs from 1. */
  number: z.number().int(),
  /** The root task's, or WAITING while a `queue` job waits for its turn. */
  state: z.string(),
  queuedAt: Instant,
  started: Instant.nullable(),
  finished: Instant.nullable(),
  /** Length so far, or in all. */
  length: Seconds.nullable(),
  progress: Progress.nullable(),
  by: z.string(),
  parameters: z.record(z.string(), Json),
  /** Numbers at the top level of progress and result. */
  counters: z.record(z.string(), z.number()),
});
export type RunSummary = z.infer<typeof RunSummary>;
export const RunDetail = RunSummary.extend({
  jobTitle: z.string(),
  taskName: z.string(),
  result: TaskValue.nullable(),
  error: z.string().nullable(),
  traceback: z.string().nullable(),
  /** The result's `links`: the app's own pages. http(s) and paths only. */
  links: z.array(z.object({ label: z.string(), href: z.string() })),
  /** What may be done now. */
  actions: z.record(z.enum(["stop", "rerun"]), z.object({ possible: z.boolean(), reason: z.string().nullable() })),
});
export type RunDetail = z.infer<typeof RunDetail>;
export const RunPage = pageOf(RunSummary);
export const RunListQuery = ListQuery.extend({ state: z.string().optional() });

export const JobSummary = z.object({
  slug: z.string(),
  title: z.string(),
  task: z.string(),
  description: z.string().nullable(),
  /** Jobs of the program are read-only here. */
  source: z.enum(["app", "console"]),
  concurrency: z.enum(CONCURRENCIES),
  lastRun: RunSummary.nullable(),
  running: z.number().int(),
  /** Share of successes among the last 50 that ended; null when none has. */
  successRate: z.number().nullable(),
  lengthP95: Seconds.nullable(),
  nextRun: Instant.nullable(),
  runs: z.number().int(),
});
export type JobSummary = z.infer<typeof JobSummary>;
export const JobDetail = JobSummary.extend({
  /** Parameters that every run has. */
  fixed: z.record(z.string(), Json),
  /** Values the form begins with. */
  defaults: z.record(z.string(), Json),
  /** JSON Schema of what is asked at Run; null when nothing is asked. */
  form: z.record(z.string(), Json).nullable(),
  queue: z.string().nullable(),
  /** Of the stored definition, for If-Match; null for jobs of the program. */
  etag: z.string().nullable(),
});
export type JobDetail = z.infer<typeof JobDetail>;
export const JobList = z.object({ items: z.array(JobSummary) });
export type JobList = z.infer<typeof JobList>;

/** A job made in the console. `slug` is made of the title when left out. */
export const JobDefinition = z.object({
  slug: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
    .optional(),
  title: z.string().min(1).max(100),
  task: z.string().min(1).max(1000),
  description: z.string().max(2000).nullable().default(null),
  fixed: z.record(z.string(), Json).default({}),
  defaults: z.record(z.string(), Json).default({}),
  /** Names asked at Run; null asks for all that are not fixed. */
  asked: z.array(z.string()).nullable().default(null),
  concurrency: z.enum(CONCURRENCIES).default("allow"),
  queue: z.string().max(255).nullable().default(null),
});
export type JobDefinition = z.infer<typeof JobDefinition>;

export const StartRun = z.object({ parameters: z.record(z.string(), Json).default({}) });
export const StartedRun = z.object({ id: z.string(), number: z.number().int() });

export const JobStats = z.object({
  /** A day each, oldest first. */
  days: z.array(z.object({ day: z.string(), states: z.record(z.string(), z.number().int()) })),
  lengths: z.array(z.object({ number: z.number().int(), at: Instant, length: Seconds, state: z.string() })),
  /** Counters summed over all runs, and of the last one. */
  counters: z.array(z.object({ name: z.string(), sum: z.number(), last: z.number().nullable() })),
  runs: z.number().int(),
  succeeded: z.number().int(),
  failed: z.number().int(),
  revoked: z.number().int(),
  lengthP50: Seconds.nullable(),
  lengthP95: Seconds.nullable(),
});
export type JobStats = z.infer<typeof JobStats>;
export const JobLogQuery = z.object({
  q: z.string().max(500).optional(),
  level: z.string().optional(),
  run: z.string().optional(),
  before: z.coerce.number().int().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export const JobLogs = z.object({
  items: z.array(LogLine.extend({ run: z.number().int() })),
  nextBefore: z.number().int().nullable(),
});
export type JobLogs = z.infer<typeof JobLogs>;
