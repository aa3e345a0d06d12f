import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RunJobDeps, runJob } from "../src/run-job.js";
import { BlogUnavailableError } from "../src/scraper/scrape-errors.js";
import type { JobDraft, Repository } from "../src/storage/repository.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { bloggerPage, bloggerPost, dayPosts } from "./support/blogger-markup.js";
import { startSite } from "./support/scripted-site.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const FETCHER = { pause: 0, retryDelay: 0.001, attempts: 2 };

async function setUp(overrides: Partial<RunJobDeps> = {}) {
  const folder = await temporaryFolder();
  const site = await startSite();
  const repository = await openSqliteRepository(join(folder.path, "blog.db"));
  const announced: string[] = [];
  const deps: RunJobDeps = {
    repository,
    signal: new AbortController().signal,
    willRetry: () => false,
    fetcher: FETCHER,
    announcer: { progress: async () => {}, log: (level, message) => void announced.push(`${level}: ${message}`) },
    ...overrides,
  };
  const draft: JobDraft = { name: "Test", blogUrl: `${site.origin}/`, since: null, until: null, skip: 0, limit: null };
  return {
    site,
    repository,
    announced,
    deps,
    createJob: (parameters: Partial<JobDraft> = {}) => repository.createJob({ ...draft, ...parameters }),
    async [Symbol.asyncDispose]() {
      await repository.close();
      await site[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function logOf(repository: Repository, runId: string): Promise<string[]> {
  return (await repository.listLog(runId, 0, 100)).map(({ level, message }) => `${level}: ${message}`);
}

describe("runJob", () => {
  test("writes the run, its log and its posts, and returns the counts", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage([...dayPosts(3, 1), bloggerPost({ title: "Gone", more: "/gone.html" })]));
    const job = await it.createJob({ skip: 1 });
    const counts = { found: 4, skipped: 1, extracted: 2, added: 2, updated: 0, failed: 1 };
    expect(await runJob(job, "r1", it.deps)).toEqual({ jobId: job.id, runId: "r1", ...counts });
    expect(await it.repository.findRun("r1")).toMatchObject({
      status: "COMPLETED",
      error: null,
      counts,
      done: 3,
      total: 3,
    });
    expect((await it.repository.listPosts(job.id, { offset: 0, limit: 9 })).map(({ title }) => title)).toEqual([
      "Post 2",
      "Post 1",
    ]);
    const log = await logOf(it.repository, "r1");
    expect(log.at(-1)).toBe("info: Done: 4 found, 1 skipped, 2 extracted (2 new, 0 updated), 1 could not be read");
    expect(log).toEqual(it.announced);
  });

  test("updates what an earlier run saved, and never duplicates", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(2, 1)), bloggerPage(dayPosts(3, 1)));
    const job = await it.createJob();
    await runJob(job, "r1", it.deps);
    expect(await runJob(job, "r2", it.deps)).toMatchObject({ extracted: 3, added: 1, updated: 2 });
    expect(await it.repository.countPosts(job.id)).toBe(3);
  });

  test("counts the same when a run is done again after its worker died", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(3, 1)));
    const job = await it.createJob();
    await runJob(job, "r1", it.deps);
    expect(await runJob(job, "r1", it.deps)).toMatchObject({ found: 3, extracted: 3, added: 3, updated: 0 });
  });

  test("ends FAILED with the reason in the log when the blog cannot be reached", async () => {
    await using it = await setUp();
    it.site.page("/", { status: 503 });
    const job = await it.createJob();
    await expect(runJob(job, "r1", it.deps)).rejects.toBeInstanceOf(BlogUnavailableError);
    const reason = `the blog cannot be read: ${it.site.origin}/ answered HTTP 503`;
    expect(await it.repository.findRun("r1")).toMatchObject({ status: "FAILED", error: reason, counts: { found: 0 } });
    expect((await logOf(it.repository, "r1")).at(-1)).toBe(`error: Failed: ${reason}`);
  });

  test("waits as RETRYING when the task will be tried again, and can complete then", async () => {
    await using it = await setUp({ willRetry: () => true });
    it.site.page("/", { status: 503 }, { status: 503 }, bloggerPage(dayPosts(1, 1)));
    const job = await it.createJob();
    await expect(runJob(job, "r1", it.deps)).rejects.toBeInstanceOf(BlogUnavailableError);
    expect(await it.repository.findRun("r1")).toMatchObject({ status: "RETRYING" });
    await runJob(job, "r1", it.deps);
    expect(await it.repository.findRun("r1")).toMatchObject({
      status: "COMPLETED",
      error: null,
      counts: { extracted: 1 },
    });
  });

  test("does not try again what will not get better", async () => {
    await using it = await setUp({ willRetry: () => true });
    const job = await it.createJob({ blogUrl: `${it.site.origin}/gone` });
    await expect(runJob(job, "r1", it.deps)).rejects.toThrow("answered HTTP 404");
    expect(await it.repository.findRun("r1")).toMatchObject({ status: "FAILED" });
  });

  test("ends FAILED with right counts when the list breaks off", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(3, 1), "/?2"));
    const job = await it.createJob();
    await expect(runJob(job, "r1", it.deps)).rejects.toThrow("page 2");
    expect(await it.repository.findRun("r1")).toMatchObject({
      status: "FAILED",
      counts: { found: 3, extracted: 3, failed: 0 },
    });
  });

  test("ends STOPPED with right counts and the reason when it is told to stop", async () => {
    const stop = new AbortController();
    await using it = await setUp({ signal: stop.signal });
    it.site.page("/", bloggerPage([...dayPosts(3, 1), bloggerPost({ title: "Slow", more: "/slow.html" })]));
    it.site.page("/slow.html", () => stop.abort(new Error("soft time limit")));
    const job = await it.createJob();
    await expect(runJob(job, "r1", it.deps)).rejects.toThrow("soft time limit");
    expect(await it.repository.findRun("r1")).toMatchObject({
      status: "STOPPED",
      error: "Stopped: soft time limit",
      counts: { found: 4, extracted: 3, failed: 0 },
    });
  });

  test("marks a run FAILED also for errors that nobody foresaw", async () => {
    await using it = await setUp({
      announcer: { progress: () => Promise.reject(new TypeError("a bug")), log: () => {} },
    });
    const job = await it.createJob();
    await expect(runJob(job, "r1", it.deps)).rejects.toThrow("a bug");
    expect(await it.repository.findRun("r1")).toMatchObject({ status: "FAILED", error: "Unexpected error: a bug" });
  });
});
