import type { Post } from "../../scraper/post.js";
import type { LogLevel } from "../../scraper/scrape-blog.js";
import {
  FINAL_STATUSES,
  type Job,
  type JobDraft,
  type JobOverview,
  type LogEntry,
  NoSuchRecordError,
  type Repository,
  type Run,
  type RunProgress,
  type RunStatus,
  type StoredPost,
} from "../repository.js";
import { toCountOfJob, toJob, toLogEntry, toNumber, toPost, toRun, toText } from "../rows.js";
import { PostgresDatabase, type SqlValue } from "./postgres-database.js";
import { SCHEMA } from "./schema.js";

/** Any number will do that others do not use for theirs. */
const JOBS_LOCK = 7_301_947;

const INSERT_JOB = `INSERT INTO jobs (name, blog_url, since, until, skip_count, limit_count, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`;

/** Opens the repository in a PostgreSQL database, creating schema and tables when missing: `postgres://…?schema=blog_scraper`. */
export async function openPostgresRepository(address: string, now: () => Date = () => new Date()): Promise<Repository> {
  return new PostgresRepository(await PostgresDatabase.open(address, SCHEMA), now);
}

class PostgresRepository implements Repository {
  readonly #db: PostgresDatabase;
  readonly #now: () => Date;

  constructor(db: PostgresDatabase, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  async createJob(draft: JobDraft): Promise<Job> {
    return toJob((await this.#db.query(INSERT_JOB, ...this.#jobValues(draft)))[0]);
  }

  findOrCreateJob(draft: JobDraft): Promise<Job> {
    return this.#db.transaction(async (query) => {
      // Two who look at once would both find none.
      await query("SELECT pg_advisory_xact_lock($1)", JOBS_LOCK);
      const [row] = await query(
        `SELECT * FROM jobs WHERE blog_url = $1 AND since IS NOT DISTINCT FROM $2 AND until IS NOT DISTINCT FROM $3
           AND skip_count = $4 AND limit_count IS NOT DISTINCT FROM $5 ORDER BY id LIMIT 1`,
        draft.blogUrl,
        draft.since,
        draft.until,
        draft.skip,
        draft.limit,
      );
      return toJob(row ?? (await query(INSERT_JOB, ...this.#jobValues(draft)))[0]);
    });
  }

  findJob(id: number): Promise<Job | undefined> {
    return this.#first(toJob, "SELECT * FROM jobs WHERE id = $1", id);
  }

  listJobs(): Promise<JobOverview[]> {
    return this.#db.transaction(async (query) => {
      const jobs = (await query("SELECT * FROM jobs ORDER BY id DESC")).map(toJob);
      const counted = await query("SELECT job_id, count(*)::integer AS n FROM posts GROUP BY job_id");
      const counts = new Map(counted.map(toCountOfJob));
      const last = await query("SELECT DISTINCT ON (job_id) * FROM runs ORDER BY job_id, queued_at DESC, id");
      const lastRuns = new Map(last.map(toRun).map((run) => [run.jobId, run]));
      return jobs.map((job) => ({ job, posts: counts.get(job.id) ?? 0, lastRun: lastRuns.get(job.id) }));
    }, "ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }

  async queueRun(id: string, jobId: number): Promise<void> {
    await this.#db.query(
      "INSERT INTO runs (id, job_id, status, queued_at) VALUES ($1, $2, 'QUEUED', $3) ON CONFLICT (id) DO NOTHING",
      id,
      jobId,
      this.#now(),
    );
  }

  async startRun(id: string, jobId: number): Promise<void> {
    await this.#db.query(
      `INSERT INTO runs AS run (id, job_id, status, queued_at, started_at) VALUES ($1, $2, 'RUNNING', $3, $3)
       ON CONFLICT (id) DO UPDATE SET status = 'RUNNING', error = NULL, found = 0, skipped = 0, extracted = 0, added = 0,
         updated = 0, failed = 0, done = 0, total = NULL, message = '', ended_at = NULL,
         started_at = coalesce(run.started_at, excluded.started_at)`,
      id,
      jobId,
      this.#now(),
    );
  }

  saveProgress(runId: string, { counts, done, total, message }: RunProgress): Promise<void> {
    return this.#updateRun(
      runId,
      `found = $2, skipped = $3, extracted = $4, added = $5, updated = $6, failed = $7, done = $8, total = $9, message = $10`,
      counts.found,
      counts.skipped,
      counts.extracted,
      counts.added,
      counts.updated,
      counts.failed,
      done,
      total,
      message,
    );
  }

  endRun(runId: string, status: Exclude<RunStatus, "QUEUED" | "RUNNING">, error: string | null): Promise<void> {
    const endedAt = FINAL_STATUSES.has(status) ? this.#now() : null;
    return this.#updateRun(runId, "status = $2, error = $3, ended_at = $4", status, error, endedAt);
  }

  findRun(id: string): Promise<Run | undefined> {
    return this.#first(toRun, "SELECT * FROM runs WHERE id = $1", id);
  }

  async listRuns(jobId: number, limit: number): Promise<Run[]> {
    const sql = "SELECT * FROM runs WHERE job_id = $1 ORDER BY queued_at DESC, id LIMIT $2";
    return (await this.#db.query(sql, jobId, limit)).map(toRun);
  }

  async addLog(runId: string, level: LogLevel, message: string): Promise<void> {
    const sql = "INSERT INTO log_entries (run_id, at, level, message) VALUES ($1, $2, $3, $4)";
    await this.#db.query(sql, runId, this.#now(), level, message);
  }

  async listLog(runId: string, afterId: number, limit: number): Promise<LogEntry[]> {
    const sql = `SELECT id, at, level, message FROM log_entries WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3`;
    return (await this.#db.query(sql, runId, afterId, limit)).map(toLogEntry);
  }

  async savePost(jobId: number, runId: string, post: Post): Promise<"added" | "updated"> {
    const [row] = await this.#db.query(
      `INSERT INTO posts (job_id, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $9)
       ON CONFLICT (job_id, url) DO UPDATE SET title = excluded.title, author = excluded.author, date = excluded.date,
         time = excluded.time, text = excluded.text, last_run_id = excluded.last_run_id, last_saved_at = excluded.last_saved_at
       RETURNING first_run_id AS value`,
      jobId,
      post.url,
      post.title,
      post.author,
      post.date,
      post.time,
      post.text,
      runId,
      this.#now(),
    );
    return toText(row) === runId ? "added" : "updated";
  }

  async listPosts(jobId: number, { offset, limit }: { offset: number; limit: number }): Promise<StoredPost[]> {
    const sql = `SELECT * FROM posts WHERE job_id = $1 ORDER BY date DESC NULLS LAST, time DESC NULLS LAST, id
       LIMIT $2 OFFSET $3`;
    return (await this.#db.query(sql, jobId, limit, offset)).map(toPost);
  }

  async countPosts(jobId: number): Promise<number> {
    return toNumber((await this.#db.query("SELECT count(*)::integer AS n FROM posts WHERE job_id = $1", jobId))[0]);
  }

  findPost(id: number): Promise<StoredPost | undefined> {
    return this.#first(toPost, "SELECT * FROM posts WHERE id = $1", id);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #jobValues(draft: JobDraft): SqlValue[] {
    return [draft.name, draft.blogUrl, draft.since, draft.until, draft.skip, draft.limit, this.#now()];
  }

  async #updateRun(runId: string, assignments: string, ...values: SqlValue[]): Promise<void> {
    const sql = `UPDATE runs SET ${assignments} WHERE id = $1 RETURNING 1`;
    const changed = await this.#db.query(sql, runId, ...values);
    if (changed.length === 0) throw new NoSuchRecordError(`there is no run ${runId}`);
  }

  async #first<T>(parse: (row: unknown) => T, sql: string, ...values: SqlValue[]): Promise<T | undefined> {
    const [row] = await this.#db.query(sql, ...values);
    return row === undefined ? undefined : parse(row);
  }
}
