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
import { toJob, toLogEntry, toNumber, toPost, toRun, toText } from "../rows.js";
import { SCHEMA } from "./schema.js";
import { SqliteDatabase } from "./sqlite-database.js";

/** Opens the repository in a SQLite file, creating file, folder and tables when missing. */
export async function openSqliteRepository(file: string, now: () => Date = () => new Date()): Promise<Repository> {
  return new SqliteRepository(await SqliteDatabase.open(file, SCHEMA), now);
}

class SqliteRepository implements Repository {
  readonly #db: SqliteDatabase;
  readonly #now: () => Date;

  constructor(db: SqliteDatabase, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  createJob(draft: JobDraft): Promise<Job> {
    return this.#db.write(() => this.#insertJob(draft));
  }

  findOrCreateJob(draft: JobDraft): Promise<Job> {
    return this.#db.write(() => {
      const row = this.#db.get(
        `SELECT * FROM jobs
         WHERE blog_url = ? AND since IS ? AND until IS ? AND skip_count = ? AND limit_count IS ? ORDER BY id LIMIT 1`,
        draft.blogUrl,
        draft.since,
        draft.until,
        draft.skip,
        draft.limit,
      );
      return row === undefined ? this.#insertJob(draft) : toJob(row);
    });
  }

  findJob(id: number): Promise<Job | undefined> {
    return this.#db.read(() => optional(this.#db.get("SELECT * FROM jobs WHERE id = ?", id), toJob));
  }

  listJobs(): Promise<JobOverview[]> {
    return this.#db.read(() =>
      this.#db.all("SELECT * FROM jobs ORDER BY id DESC").map((row) => {
        const job = toJob(row);
        return { job, posts: this.#countPosts(job.id), lastRun: this.#listRuns(job.id, 1)[0] };
      }),
    );
  }

  queueRun(id: string, jobId: number): Promise<void> {
    return this.#db.write(() => this.#insertRun(id, jobId));
  }

  startRun(id: string, jobId: number): Promise<void> {
    return this.#db.write(() => {
      this.#insertRun(id, jobId);
      this.#db.run(
        `UPDATE runs SET status = 'RUNNING', error = NULL, found = 0, skipped = 0, extracted = 0, added = 0, updated = 0,
           failed = 0, done = 0, total = NULL, message = '', started_at = coalesce(started_at, ?), ended_at = NULL
         WHERE id = ?`,
        this.#now().getTime(),
        id,
      );
    });
  }

  saveProgress(runId: string, { counts, done, total, message }: RunProgress): Promise<void> {
    return this.#updateRun(
      runId,
      "found = ?, skipped = ?, extracted = ?, added = ?, updated = ?, failed = ?, done = ?, total = ?, message = ?",
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
    const endedAt = FINAL_STATUSES.has(status) ? this.#now().getTime() : null;
    return this.#updateRun(runId, "status = ?, error = ?, ended_at = ?", status, error, endedAt);
  }

  findRun(id: string): Promise<Run | undefined> {
    return this.#db.read(() => optional(this.#db.get("SELECT * FROM runs WHERE id = ?", id), toRun));
  }

  listRuns(jobId: number, limit: number): Promise<Run[]> {
    return this.#db.read(() => this.#listRuns(jobId, limit));
  }

  addLog(runId: string, level: LogLevel, message: string): Promise<void> {
    return this.#db.write(() => {
      this.#requireRun(runId);
      this.#db.run(
        "INSERT INTO log_entries (run_id, at, level, message) VALUES (?, ?, ?, ?)",
        runId,
        this.#now().getTime(),
        level,
        message,
      );
    });
  }

  listLog(runId: string, afterId: number, limit: number): Promise<LogEntry[]> {
    return this.#db.read(() =>
      this.#db
        .all(
          "SELECT id, at, level, message FROM log_entries WHERE run_id = ? AND id > ? ORDER BY id LIMIT ?",
          runId,
          afterId,
          limit,
        )
        .map(toLogEntry),
    );
  }

  savePost(jobId: number, runId: string, post: Post): Promise<"added" | "updated"> {
    return this.#db.write(() => {
      this.#requireJob(jobId);
      const nowMs = this.#now().getTime();
      const row = this.#db.get(
        `INSERT INTO posts (job_id, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
        runId,
        nowMs,
        nowMs,
      );
      return toText(row) === runId ? "added" : "updated";
    });
  }

  listPosts(jobId: number, { offset, limit }: { offset: number; limit: number }): Promise<StoredPost[]> {
    return this.#db.read(() =>
      this.#db
        .all(
          "SELECT * FROM posts WHERE job_id = ? ORDER BY date DESC, time DESC, id LIMIT ? OFFSET ?",
          jobId,
          limit,
          offset,
        )
        .map(toPost),
    );
  }

  countPosts(jobId: number): Promise<number> {
    return this.#db.read(() => this.#countPosts(jobId));
  }

  findPost(id: number): Promise<StoredPost | undefined> {
    return this.#db.read(() => optional(this.#db.get("SELECT * FROM posts WHERE id = ?", id), toPost));
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #insertJob(draft: JobDraft): Job {
    return toJob(
      this.#db.get(
        `INSERT INTO jobs (name, blog_url, since, until, skip_count, limit_count, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`,
        draft.name,
        draft.blogUrl,
        draft.since,
        draft.until,
        draft.skip,
        draft.limit,
        this.#now().getTime(),
      ),
    );
  }

  #insertRun(id: string, jobId: number): void {
    this.#requireJob(jobId);
    this.#db.run(
      "INSERT INTO runs (id, job_id, status, queued_at) VALUES (?, ?, 'QUEUED', ?) ON CONFLICT (id) DO NOTHING",
      id,
      jobId,
      this.#now().getTime(),
    );
  }

  #updateRun(runId: string, assignments: string, ...values: (string | number | null)[]): Promise<void> {
    return this.#db.write(() => {
      const changed = this.#db.run(`UPDATE runs SET ${assignments} WHERE id = ?`, ...values, runId);
      if (changed === 0) throw new NoSuchRecordError(`there is no run ${runId}`);
    });
  }

  #listRuns(jobId: number, limit: number): Run[] {
    return this.#db
      .all("SELECT * FROM runs WHERE job_id = ? ORDER BY queued_at DESC, id LIMIT ?", jobId, limit)
      .map(toRun);
  }

  #countPosts(jobId: number): number {
    return toNumber(this.#db.get("SELECT count(*) AS n FROM posts WHERE job_id = ?", jobId));
  }

  #requireJob(jobId: number): void {
    if (this.#db.get("SELECT 1 FROM jobs WHERE id = ?", jobId) === undefined) {
      throw new NoSuchRecordError(`there is no job ${jobId}`);
    }
  }

  #requireRun(runId: string): void {
    if (this.#db.get("SELECT 1 FROM runs WHERE id = ?", runId) === undefined) {
      throw new NoSuchRecordError(`there is no run ${runId}`);
    }
  }
}

function optional<T>(row: unknown, parse: (row: unknown) => T): T | undefined {
  return row === undefined ? undefined : parse(row);
}
