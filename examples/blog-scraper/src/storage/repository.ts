import type { Post } from "../scraper/post.js";
import type { LogLevel, ScrapeCounts, ScrapeRequest } from "../scraper/scrape-blog.js";

/** What someone fills in to make a job. */
export interface JobDraft extends ScrapeRequest {
  readonly name: string;
}

/** A saved use of the scraper with its parameters. */
export interface Job extends JobDraft {
  readonly id: number;
  readonly createdAt: Date;
}

/**
 * QUEUED → RUNNING → COMPLETED, FAILED or STOPPED. RUNNING → RETRYING → RUNNING when the blog was not to be reached and the
 * task waits for another attempt. A run whose worker died goes back to RUNNING when another takes it over.
 */
export const RUN_STATUSES = ["QUEUED", "RUNNING", "RETRYING", "COMPLETED", "FAILED", "STOPPED"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** The statuses in which a run is over. */
export const FINAL_STATUSES: ReadonlySet<RunStatus> = new Set<RunStatus>(["COMPLETED", "FAILED", "STOPPED"]);

/** How a run is going, apart from its status. */
export interface RunProgress {
  readonly counts: ScrapeCounts;
  readonly done: number;
  /** `null` while the number of posts to extract is not known. */
  readonly total: number | null;
  readonly message: string;
}

/** One use of a job. */
export interface Run extends RunProgress {
  /** The id of the task that does it. */
  readonly id: string;
  readonly jobId: number;
  readonly status: RunStatus;
  /** Why it failed or was stopped. */
  readonly error: string | null;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

export interface LogEntry {
  /** Grows with time within a run. */
  readonly id: number;
  readonly at: Date;
  readonly level: LogLevel;
  readonly message: string;
}

export interface StoredPost extends Post {
  readonly id: number;
  readonly jobId: number;
  readonly firstSavedAt: Date;
  readonly lastSavedAt: Date;
}

/** A job with what a list of jobs shows of it. */
export interface JobOverview {
  readonly job: Job;
  readonly posts: number;
  readonly lastRun: Run | undefined;
}

/**
 * Keeps jobs, runs, log entries and posts. Several processes may have one open on the same store. Each method is one
 * transaction. Methods that name a run or job which does not exist reject with {@link NoSuchRecordError}; `find…` return
 * `undefined` instead. All reject with {@link StorageError} when the store cannot do its work.
 */
export interface Repository {
  createJob(draft: JobDraft): Promise<Job>;
  /** The oldest job with exactly these parameters, whatever its name; made from the draft if there is none. */
  findOrCreateJob(draft: JobDraft): Promise<Job>;
  findJob(id: number): Promise<Job | undefined>;
  /** All jobs, newest first. */
  listJobs(): Promise<JobOverview[]>;

  /** Notes a run as QUEUED. Does nothing if it is there already, as the task may have begun before its caller noted it. */
  queueRun(id: string, jobId: number): Promise<void>;
  /** Marks a run as RUNNING with all counts at zero; notes it first where that is missing. */
  startRun(id: string, jobId: number): Promise<void>;
  saveProgress(runId: string, progress: RunProgress): Promise<void>;
  /** Ends a run, or with `RETRYING` this attempt at it. */
  endRun(runId: string, status: Exclude<RunStatus, "QUEUED" | "RUNNING">, error: string | null): Promise<void>;
  findRun(id: string): Promise<Run | undefined>;
  /** A job's runs, newest first. */
  listRuns(jobId: number, limit: number): Promise<Run[]>;

  addLog(runId: string, level: LogLevel, message: string): Promise<void>;
  /** A run's log entries with an id above `afterId`, oldest first. */
  listLog(runId: string, afterId: number, limit: number): Promise<LogEntry[]>;

  /** Stores a post once per job and address. "added" if it was this run that stored it first, else "updated". */
  savePost(jobId: number, runId: string, post: Post): Promise<"added" | "updated">;
  /** A job's posts, newest date first, undated last. */
  listPosts(jobId: number, page: { readonly offset: number; readonly limit: number }): Promise<StoredPost[]>;
  countPosts(jobId: number): Promise<number>;
  findPost(id: number): Promise<StoredPost | undefined>;

  /** Safe to call twice. */
  close(): Promise<void>;
}

/** The store could not do its work: busy for too long, full, unreadable. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";
}

/** A job or run that is not in the store. */
export class NoSuchRecordError extends Error {
  override readonly name: string = "NoSuchRecordError";
}
