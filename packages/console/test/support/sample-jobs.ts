import type { JobDetail, JobLogs, JobStats, JobSummary, RunDetail, RunSummary } from "../../src/api/jobs.js";
import { SCRAPE_SCHEMA, sampleLogs } from "./sample-tasks.js";

/** Runs of a job, newest first: the first is going on. */
export function sampleRuns(now: Date, job = "blog-scraper", count = 40): RunSummary[] {
  return Array.from({ length: count }, (_, index) => {
    const state = index === 0 ? "PROGRESS" : index % 7 === 3 ? "FAILURE" : index % 9 === 4 ? "REVOKED" : "SUCCESS";
    return {
      id: `run-${job}-${count - index}`,
      job,
      number: count - index,
      state,
      queuedAt: ago(now, index * 3600 + 31),
      started: ago(now, index * 3600 + 30),
      finished: index === 0 ? null : ago(now, index * 3600),
      length: index === 0 ? 31 : 25 + ((index * 13) % 60),
      progress:
        index === 0
          ? { current: 34, total: 120, message: "page 34 of 120", counters: { posts: 340, skipped: 12 } }
          : null,
      by: index % 3 === 0 ? "schedule nightly" : "maria",
      parameters: { blog: "allthingsdistributed", limit: 20, skip: false },
      counters: { posts: 21 + index, words: 5677 + index * 100 },
    };
  });
}

export function sampleRunDetail(now: Date, id: string): RunDetail {
  const job = id.includes("refresh-prices") ? "refresh-prices" : "blog-scraper";
  const found = sampleRuns(now, job).find((run) => run.id === id) ?? sampleRuns(now, job)[0];
  if (found === undefined) {
    throw new Error("no sample");
  }
  const running = found.finished === null;
  const failed = found.state === "FAILURE";
  return {
    ...found,
    jobTitle: "Blog scraper",
    taskName: "blog.scrape",
    result:
      found.state === "SUCCESS"
        ? {
            form: "json",
            value: { posts: 21, words: 5677, links: [{ label: "Posts", href: "/posts" }] },
            sizeBytes: 60,
            cut: false,
          }
        : null,
    error: failed ? "ScrapeError('could not read page 3')" : null,
    traceback: failed
      ? "ScrapeError: could not read page 3\n    at scrape (/srv/blog/tasks.ts:42:11)\n    at node:internal/process/task_queues:95:5\n"
      : null,
    links: found.state === "SUCCESS" ? [{ label: "Posts", href: "/posts" }] : [],
    actions: {
      stop: running ? { possible: true, reason: null } : { possible: false, reason: "It has ended" },
      rerun: running ? { possible: false, reason: "It has not ended" } : { possible: true, reason: null },
    },
  };
}

export function sampleJobs(now: Date): JobSummary[] {
  const job = (slug: string, title: string, changes: Partial<JobSummary> = {}): JobSummary => ({
    slug,
    title,
    task: "blog.scrape",
    description: null,
    source: "app",
    concurrency: "allow",
    lastRun: sampleRuns(now, slug)[1] ?? null,
    running: 0,
    successRate: 0.84,
    lengthP95: 81,
    nextRun: null,
    runs: 40,
    ...changes,
  });
  return [
    job("blog-scraper", "Blog scraper", {
      description: "Reads what is new on a blog.",
      concurrency: "skip",
      running: 1,
      nextRun: ago(now, -7200),
    }),
    job("refresh-prices", "Refresh all prices", {
      task: "shop.add",
      source: "console",
      lastRun: null,
      successRate: null,
      lengthP95: null,
      runs: 0,
    }),
    job("monthly-report", "Monthly report of every customer", {
      task: "reports.build.monthly.for_all_customers",
      concurrency: "queue",
      lastRun: sampleRuns(now)[3] ?? null,
    }),
  ];
}

export function sampleJobDetail(now: Date, slug: string): JobDetail {
  const found = sampleJobs(now).find((job) => job.slug === slug) ?? sampleJobs(now)[0];
  if (found === undefined) {
    throw new Error("no sample");
  }
  return {
    ...found,
    fixed: { store: "posts" },
    defaults: { limit: 20 },
    form: slug === "refresh-prices" ? null : SCRAPE_SCHEMA,
    queue: null,
    etag: found.source === "console" ? "v3" : null,
  };
}

export function sampleJobStats(now: Date): JobStats {
  const day = (index: number) => new Date(now.getTime() - index * 86_400_000).toISOString().slice(0, 10);
  return {
    days: Array.from({ length: 14 }, (_, index) => ({
      day: day(13 - index),
      states: { SUCCESS: 3 + (index % 4), FAILURE: index % 5 === 0 ? 1 : 0, REVOKED: index % 6 === 0 ? 1 : 0 },
    })),
    lengths: sampleRuns(now)
      .slice(1)
      .map((run) => ({ number: run.number, at: run.queuedAt, length: run.length ?? 0, state: run.state })),
    counters: [
      { name: "posts", sum: 1523, last: 21 },
      { name: "words", sum: 298_011, last: null },
    ],
    runs: 40,
    succeeded: 33,
    failed: 5,
    revoked: 2,
    lengthP50: 48,
    lengthP95: 81,
  };
}

export function sampleJobLogs(now: Date): JobLogs {
  return {
    items: sampleLogs(now, "run-blog-scraper-40").map((line, index) => ({ ...line, run: index < 30 ? 39 : 40 })),
    nextBefore: null,
  };
}

function ago(now: Date, seconds: number): string {
  return new Date(now.getTime() - seconds * 1000).toISOString();
}
