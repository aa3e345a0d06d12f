import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Post } from "../src/scraper/post.js";
import { NO_COUNTS } from "../src/scraper/scrape-blog.js";
import { openRepository } from "../src/storage/open-repository.js";
import { type JobDraft, NoSuchRecordError, type Repository } from "../src/storage/repository.js";

const DRAFT: JobDraft = {
  name: "Garden",
  blogUrl: "https://a.example/",
  since: "2024-01-01",
  until: null,
  skip: 2,
  limit: 5,
};
const POST: Post = {
  url: "https://a.example/1",
  title: "One",
  author: "Ane",
  date: "2024-03-03",
  time: "08:15",
  text: "text",
};

/** A store of its own, empty. */
export interface FreshStore extends AsyncDisposable {
  readonly repository: Repository;
  /** For `openRepository`, in this process or another. */
  readonly address: string;
}

/** The time of the clock that every store's repository is to be opened with. */
export const NOON = new Date("2024-05-05T12:00:00Z");

/** What holds for every kind of store. */
export function describeRepository(name: string, openFresh: () => Promise<FreshStore>): void {
  describe(name, () => {
    test("keeps jobs, also after it was closed", async () => {
      await using store = await openFresh();
      const job = await store.repository.createJob(DRAFT);
      await store.repository.close();
      const again = await openRepository(store.address);
      expect(await again.findJob(job.id)).toEqual({ ...DRAFT, id: job.id, createdAt: NOON });
      await again.close();
      await again.close();
    });

    test("finds a job by its parameters, and makes one only if there is none", async () => {
      await using store = await openFresh();
      const job = await store.repository.findOrCreateJob(DRAFT);
      expect(await store.repository.findOrCreateJob({ ...DRAFT, name: "other name" })).toEqual(job);
      expect((await store.repository.findOrCreateJob({ ...DRAFT, limit: null })).id).not.toBe(job.id);
      expect((await store.repository.listJobs()).map(({ job: { limit } }) => limit)).toEqual([null, 5]);
    });

    test("takes a run from queued to its end", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      await repository.queueRun("r1", job.id);
      expect(await repository.findRun("r1")).toMatchObject({
        status: "QUEUED",
        counts: NO_COUNTS,
        queuedAt: NOON,
        startedAt: null,
        total: null,
      });
      await repository.startRun("r1", job.id);
      const counts = { found: 5, skipped: 1, extracted: 3, added: 2, updated: 1, failed: 1 };
      await repository.saveProgress("r1", { counts, done: 4, total: 4, message: "Last" });
      await repository.endRun("r1", "COMPLETED", null);
      expect(await repository.findRun("r1")).toEqual({
        id: "r1",
        jobId: job.id,
        status: "COMPLETED",
        error: null,
        counts,
        done: 4,
        total: 4,
        message: "Last",
        queuedAt: NOON,
        startedAt: NOON,
        endedAt: NOON,
      });
      expect((await repository.listJobs())[0]?.lastRun?.id).toBe("r1");
    });

    test("starts the counts of a run anew when it is run again, and notes one that nobody queued", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      await repository.startRun("r1", job.id);
      await repository.saveProgress("r1", { counts: { ...NO_COUNTS, found: 3 }, done: 1, total: 3, message: "" });
      await repository.endRun("r1", "RETRYING", "unreachable");
      expect(await repository.findRun("r1")).toMatchObject({ status: "RETRYING", error: "unreachable", endedAt: null });
      await repository.queueRun("r1", job.id);
      await repository.startRun("r1", job.id);
      expect(await repository.findRun("r1")).toMatchObject({
        status: "RUNNING",
        error: null,
        counts: NO_COUNTS,
        done: 0,
        total: null,
      });
    });

    test("stores a post once per job and address, and says whether this run was the first", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      const other = await repository.createJob(DRAFT);
      expect(await repository.savePost(job.id, "r1", POST)).toBe("added");
      expect(await repository.savePost(job.id, "r1", POST)).toBe("added");
      expect(await repository.savePost(job.id, "r2", { ...POST, title: null, text: "new text" })).toBe("updated");
      expect(await repository.savePost(other.id, "r2", POST)).toBe("added");
      const posts = await repository.listPosts(job.id, { offset: 0, limit: 10 });
      expect(posts).toEqual([
        {
          ...POST,
          id: posts[0]?.id,
          jobId: job.id,
          title: null,
          text: "new text",
          firstSavedAt: NOON,
          lastSavedAt: NOON,
        },
      ]);
      expect(await repository.findPost(posts[0]?.id ?? 0)).toEqual(posts[0]);
      expect(await repository.countPosts(job.id)).toBe(1);
    });

    test("lists posts page by page, newest first, undated last", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      const days = [null, "2024-01-01", "2024-03-01", "2024-02-01"];
      for (const [n, date] of days.entries())
        await repository.savePost(job.id, "r", { ...POST, url: `https://a.example/${n}`, date });
      expect((await repository.listPosts(job.id, { offset: 0, limit: 3 })).map(({ date }) => date)).toEqual([
        "2024-03-01",
        "2024-02-01",
        "2024-01-01",
      ]);
      expect((await repository.listPosts(job.id, { offset: 3, limit: 3 })).map(({ date }) => date)).toEqual([null]);
    });

    test("keeps log entries in order and gives those after a known one", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      await repository.queueRun("r1", job.id);
      await repository.addLog("r1", "info", "one");
      await repository.addLog("r1", "warning", "two ' \0 \u{1F33F}");
      const [one] = await repository.listLog("r1", 0, 10);
      expect(await repository.listLog("r1", one?.id ?? 0, 10)).toEqual([
        { id: 2, at: NOON, level: "warning", message: "two ' \ufffd \u{1F33F}" },
      ]);
    });

    test("refuses what belongs to no job or run", async () => {
      await using store = await openFresh();
      const { repository } = store;
      await expect(repository.queueRun("r", 99)).rejects.toBeInstanceOf(NoSuchRecordError);
      await expect(repository.savePost(99, "r", POST)).rejects.toBeInstanceOf(NoSuchRecordError);
      await expect(repository.addLog("r", "info", "")).rejects.toBeInstanceOf(NoSuchRecordError);
      await expect(repository.endRun("r", "FAILED", null)).rejects.toBeInstanceOf(NoSuchRecordError);
      expect(await repository.findRun("r")).toBeUndefined();
      expect(await repository.findJob(99)).toBeUndefined();
    });

    test("is written by several processes at once without loss or duplicates", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const job = await repository.createJob(DRAFT);
      const runs = ["r1", "r2", "r3"];
      for (const run of runs) await repository.queueRun(run, job.id);
      const script = fileURLToPath(new URL("./support/save-posts.ts", import.meta.url));
      const exits = runs.map((run) =>
        once(
          spawn(process.execPath, ["--import", "tsx", script, store.address, run, "100"], { stdio: "inherit" }),
          "exit",
        ),
      );
      expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0, 0]);
      expect(await repository.countPosts(job.id)).toBe(100);
      for (const run of runs) expect(await repository.listLog(run, 0, 1000)).toHaveLength(100);
    }, 30_000);
  });
}
