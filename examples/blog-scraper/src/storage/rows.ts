import { z } from "zod";
import { LOG_LEVELS } from "../scraper/scrape-blog.js";
import { type Job, type LogEntry, RUN_STATUSES, type Run, type StoredPost } from "./repository.js";

/** Milliseconds since 1970 in SQLite; PostgreSQL has a type for it. */
const instant = z.union([z.number(), z.date()]).transform((value) => new Date(value));
const text = z.string().nullable();

const jobRow = z
  .object({
    id: z.number(),
    name: z.string(),
    blog_url: z.string(),
    since: text,
    until: text,
    skip_count: z.number(),
    limit_count: z.number().nullable(),
    created_at: instant,
  })
  .transform(
    (row): Job => ({
      id: row.id,
      name: row.name,
      blogUrl: row.blog_url,
      since: row.since,
      until: row.until,
      skip: row.skip_count,
      limit: row.limit_count,
      createdAt: row.created_at,
    }),
  );

const runRow = z
  .object({
    id: z.string(),
    job_id: z.number(),
    status: z.enum(RUN_STATUSES),
    error: text,
    found: z.number(),
    skipped: z.number(),
    extracted: z.number(),
    added: z.number(),
    updated: z.number(),
    failed: z.number(),
    done: z.number(),
    total: z.number().nullable(),
    message: z.string(),
    queued_at: instant,
    started_at: instant.nullable(),
    ended_at: instant.nullable(),
  })
  .transform(
    ({ found, skipped, extracted, added, updated, failed, ...row }): Run => ({
      id: row.id,
      jobId: row.job_id,
      status: row.status,
      error: row.error,
      counts: { found, skipped, extracted, added, updated, failed },
      done: row.done,
      total: row.total,
      message: row.message,
      queuedAt: row.queued_at,
      startedAt: row.started_at,
      endedAt: row.ended_at,
    }),
  );

const logRow = z.object({ id: z.number(), at: instant, level: z.enum(LOG_LEVELS), message: z.string() });

const postRow = z
  .object({
    id: z.number(),
    job_id: z.number(),
    url: z.string(),
    title: text,
    author: text,
    date: text,
    time: text,
    text: z.string(),
    first_saved_at: instant,
    last_saved_at: instant,
  })
  .transform(
    (row): StoredPost => ({
      id: row.id,
      jobId: row.job_id,
      url: row.url,
      title: row.title,
      author: row.author,
      date: row.date,
      time: row.time,
      text: row.text,
      firstSavedAt: row.first_saved_at,
      lastSavedAt: row.last_saved_at,
    }),
  );

/** Each turns a row as the database gives it into a record, and throws a ZodError on one of another shape. */
export function toJob(row: unknown): Job {
  return jobRow.parse(row);
}
export function toRun(row: unknown): Run {
  return runRow.parse(row);
}
export function toLogEntry(row: unknown): LogEntry {
  return logRow.parse(row);
}
export function toPost(row: unknown): StoredPost {
  return postRow.parse(row);
}
/** The number in a row of one column named `n`. */
export function toNumber(row: unknown): number {
  return z.object({ n: z.number() }).parse(row).n;
}
/** The job and the number in a row of the columns `job_id` and `n`. */
export function toCountOfJob(row: unknown): [jobId: number, count: number] {
  const { job_id, n } = z.object({ job_id: z.number(), n: z.number() }).parse(row);
  return [job_id, n];
}
/** The text in a row of one column named `value`. */
export function toText(row: unknown): string {
  return z.object({ value: z.string() }).parse(row).value;
}
