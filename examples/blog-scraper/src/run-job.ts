import { type FetcherOptions, PageFetcher } from "./scraper/page-fetcher.js";
import type { Post } from "./scraper/post.js";
import {
  type LogLevel,
  NO_COUNTS,
  type ScrapeCounts,
  type ScrapeProgress,
  type ScrapeSink,
  scrapeBlog,
} from "./scraper/scrape-blog.js";
import { BlogUnavailableError, BlogUnreadableError } from "./scraper/scrape-errors.js";
import type { Job, Repository, RunProgress } from "./storage/repository.js";

/** Milliseconds between two notes of a run's progress; what lies between is not seen by anyone. */
const PROGRESS_INTERVAL_MS = 100;

/** Who else wants to know how a run is going, apart from the store. */
export interface RunAnnouncer {
  /** `total` is undefined while it is not known. */
  progress(done: number, total: number | undefined, message: string): Promise<void>;
  log(level: LogLevel, message: string): void;
}

/** What a run that went through hands back; it travels as the task's result. */
export interface RunSummary extends ScrapeCounts {
  readonly jobId: number;
  readonly runId: string;
}

export interface RunJobDeps {
  readonly repository: Repository;
  readonly announcer: RunAnnouncer;
  readonly signal: AbortSignal;
  /** Whether the task will be tried again after this error; the run then waits as RETRYING. */
  readonly willRetry: (error: unknown) => boolean;
  readonly fetcher?: FetcherOptions;
}

/**
 * One run of a job, from RUNNING to its end, with every step in the store. `runId` is the task's id. Doing it again with
 * the same id (after a retry, or when a worker died) starts the counts anew and stores no post twice.
 *
 * @throws BlogUnreadableError, BlogUnavailableError, or the signal's reason, after the run was marked FAILED, RETRYING or STOPPED.
 */
export async function runJob(job: Job, runId: string, deps: RunJobDeps): Promise<RunSummary> {
  const { repository, signal } = deps;
  await repository.startRun(runId, job.id);
  const recorder = new RunRecorder(job.id, runId, deps);
  const fetcher = new PageFetcher({
    ...deps.fetcher,
    onRetry: ({ reason, attempt, attempts, delay }) =>
      recorder.log("warning", `${reason}; trying again in ${delay.toFixed(1)} s (attempt ${attempt} of ${attempts})`),
  });
  try {
    const counts = await scrapeBlog(job, { fetcher, sink: recorder, signal });
    await recorder.flush();
    await recorder.log("info", `Done: ${describeCounts(counts)}`);
    await repository.endRun(runId, "COMPLETED", null);
    return { jobId: job.id, runId, ...counts };
  } catch (error) {
    await recorder.flush();
    await recordEnding(error, runId, recorder, deps);
    // Not the stray error of something that was interrupted, but why it was interrupted.
    signal.throwIfAborted();
    throw error;
  }
}

async function recordEnding(error: unknown, runId: string, recorder: RunRecorder, deps: RunJobDeps): Promise<void> {
  const { repository, signal } = deps;
  if (signal.aborted) {
    const reason = `Stopped: ${messageOf(signal.reason)}`;
    await recorder.record("warning", reason);
    await repository.endRun(runId, "STOPPED", reason);
    return;
  }
  const reason = error instanceof BlogUnreadableError ? error.message : `Unexpected error: ${messageOf(error)}`;
  if (error instanceof BlogUnavailableError && deps.willRetry(error)) {
    await recorder.record("warning", `${reason}. The task will be tried again.`);
    await repository.endRun(runId, "RETRYING", reason);
    return;
  }
  await recorder.record("error", `Failed: ${reason}`);
  await repository.endRun(runId, "FAILED", reason);
}

/** "44 found, 2 skipped, 41 extracted (41 new), 1 could not be read" */
export function describeCounts(counts: ScrapeCounts): string {
  const parts = [`${counts.found} found`];
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  parts.push(`${counts.extracted} extracted (${counts.added} new, ${counts.updated} updated)`);
  if (counts.failed > 0) parts.push(`${counts.failed} could not be read`);
  return parts.join(", ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** Writes what a run learns to the store and tells the announcer; progress no oftener than anyone can see. */
class RunRecorder implements ScrapeSink {
  readonly #jobId: number;
  readonly #runId: string;
  readonly #deps: RunJobDeps;
  #latest: RunProgress = { counts: NO_COUNTS, done: 0, total: null, message: "" };
  #savedAtMs = Number.NEGATIVE_INFINITY;

  constructor(jobId: number, runId: string, deps: RunJobDeps) {
    this.#jobId = jobId;
    this.#runId = runId;
    this.#deps = deps;
  }

  save(post: Post): Promise<"added" | "updated"> {
    return this.#deps.repository.savePost(this.#jobId, this.#runId, post);
  }

  async log(level: LogLevel, message: string): Promise<void> {
    this.#deps.announcer.log(level, message);
    await this.#deps.repository.addLog(this.#runId, level, message);
  }

  /** Logs the end of a run. Unlike {@link log}, it does so even when the announcer has been told to stop. */
  async record(level: LogLevel, message: string): Promise<void> {
    await this.#deps.repository.addLog(this.#runId, level, message);
    this.#deps.announcer.log(level, message);
  }

  async progress(progress: ScrapeProgress): Promise<void> {
    this.#latest = progress;
    if (performance.now() - this.#savedAtMs < PROGRESS_INTERVAL_MS) return;
    await this.flush();
    await this.#deps.announcer.progress(progress.done, progress.total ?? undefined, progress.message);
  }

  /** Writes the latest progress, so that the counts of an ended run are right. */
  async flush(): Promise<void> {
    this.#savedAtMs = performance.now();
    await this.#deps.repository.saveProgress(this.#runId, this.#latest);
  }
}
