import { type FetcherOptions, PageFetcher } from "./scraper/page-fetcher.js";
import type { Post } from "./scraper/post.js";
import {
  type LogLevel,
  type ScrapeCounts,
  type ScrapeProgress,
  type ScrapeRequest,
  type ScrapeSink,
  scrapeBlog,
} from "./scraper/scrape-blog.js";
import type { Repository } from "./storage/repository.js";

/** Milliseconds between two reports of a run's progress; what lies between is not seen by anyone. */
const PROGRESS_INTERVAL_MS = 100;

/** Where a run tells how it goes: the task it is. */
export interface RunReport {
  /** `total` is undefined while it is not known. */
  progress(done: number, total: number | undefined, message: string, counts: ScrapeCounts): Promise<void>;
  log(level: LogLevel, message: string): void;
}

export interface ScrapeRunDeps {
  readonly repository: Repository;
  readonly report: RunReport;
  readonly signal: AbortSignal;
  readonly fetcher?: FetcherOptions;
}

/**
 * One run: reads the blog and saves its posts under the run's id. Doing it again with the same id (after a retry, or when a worker died)
 * starts the counts anew and stores no post twice.
 *
 * @throws BlogUnreadableError, BlogUnavailableError, or the signal's reason.
 */
export async function runScrape(request: ScrapeRequest, runId: string, deps: ScrapeRunDeps): Promise<ScrapeCounts> {
  const { report, signal } = deps;
  const sink = new ReportingSink(request.blogUrl, runId, deps);
  const fetcher = new PageFetcher({
    ...deps.fetcher,
    onRetry: ({ reason, attempt, attempts, delay }) =>
      report.log("warning", `${reason}; trying again in ${delay.toFixed(1)} s (attempt ${attempt} of ${attempts})`),
  });
  try {
    const counts = await scrapeBlog(request, { fetcher, sink, signal });
    await sink.flush();
    report.log("info", `Done: ${describeCounts(counts)}`);
    return counts;
  } catch (error) {
    // Not the stray error of something that was interrupted, but why it was interrupted.
    signal.throwIfAborted();
    await sink.flush();
    throw error;
  }
}

/** "44 found, 2 skipped, 41 extracted (41 new, 0 updated), 1 could not be read" */
export function describeCounts(counts: ScrapeCounts): string {
  const parts = [`${counts.found} found`];
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  parts.push(`${counts.extracted} extracted (${counts.added} new, ${counts.updated} updated)`);
  if (counts.failed > 0) parts.push(`${counts.failed} could not be read`);
  return parts.join(", ");
}

/** Saves posts as they come, and reports progress no oftener than anyone can see. */
class ReportingSink implements ScrapeSink {
  readonly #blog: string;
  readonly #runId: string;
  readonly #deps: ScrapeRunDeps;
  #latest: ScrapeProgress | undefined;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(blog: string, runId: string, deps: ScrapeRunDeps) {
    this.#blog = blog;
    this.#runId = runId;
    this.#deps = deps;
  }

  save(post: Post): Promise<"added" | "updated"> {
    return this.#deps.repository.savePost(this.#blog, this.#runId, post);
  }

  async log(level: LogLevel, message: string): Promise<void> {
    this.#deps.report.log(level, message);
  }

  async progress(progress: ScrapeProgress): Promise<void> {
    this.#latest = progress;
    if (performance.now() - this.#reportedAtMs >= PROGRESS_INTERVAL_MS) await this.flush();
  }

  /** Reports the latest progress, so that the counts of an ended run are right. */
  async flush(): Promise<void> {
    const latest = this.#latest;
    if (latest === undefined) return;
    this.#latest = undefined;
    this.#reportedAtMs = performance.now();
    const { done, total, message, counts } = latest;
    await this.#deps.report.progress(done, total ?? undefined, message, counts);
  }
}
