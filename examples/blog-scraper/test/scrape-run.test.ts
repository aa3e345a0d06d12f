import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RunReport, runScrape, type ScrapeRunDeps } from "../src/scrape-run.js";
import type { ScrapeRequest } from "../src/scraper/scrape-blog.js";
import { BlogUnavailableError } from "../src/scraper/scrape-errors.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { bloggerPage, bloggerPost, dayPosts } from "./support/blogger-markup.js";
import { startSite } from "./support/scripted-site.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const FETCHER = { pause: 0, retryDelay: 0.001, attempts: 2 };

async function setUp(overrides: Partial<ScrapeRunDeps> = {}) {
  const folder = await temporaryFolder();
  const site = await startSite();
  const repository = await openSqliteRepository(join(folder.path, "blog.db"));
  const log: string[] = [];
  const progress: Parameters<RunReport["progress"]>[] = [];
  const deps: ScrapeRunDeps = {
    repository,
    signal: new AbortController().signal,
    fetcher: FETCHER,
    report: {
      progress: async (...told) => void progress.push(told),
      log: (level, message) => void log.push(`${level}: ${message}`),
    },
    ...overrides,
  };
  const blog = `${site.origin}/`;
  const run = (id: string, parameters: Partial<ScrapeRequest> = {}) =>
    runScrape({ blogUrl: blog, since: null, until: null, skip: 0, limit: null, ...parameters }, id, deps);
  return {
    site,
    repository,
    blog,
    log,
    progress,
    run,
    async [Symbol.asyncDispose]() {
      await repository.close();
      await site[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("a run", () => {
  test("saves the posts, tells how it goes, and returns the counts", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage([...dayPosts(3, 1), bloggerPost({ title: "Gone", more: "/gone.html" })]));
    const counts = { found: 4, skipped: 1, extracted: 2, added: 2, updated: 0, failed: 1 };
    expect(await it.run("r1", { skip: 1 })).toEqual(counts);
    expect(it.progress.at(-1)).toEqual([3, 3, expect.any(String), counts]);
    const posts = await it.repository.listPosts({ run: "r1" }, { offset: 0, limit: 9 });
    expect(posts.map(({ title }) => title)).toEqual(["Post 2", "Post 1"]);
    expect(it.log.at(-1)).toBe("info: Done: 4 found, 1 skipped, 2 extracted (2 new, 0 updated), 1 could not be read");
  });

  test("updates what an earlier run saved, and never duplicates", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(2, 1)), bloggerPage(dayPosts(3, 1)));
    await it.run("r1");
    expect(await it.run("r2")).toMatchObject({ extracted: 3, added: 1, updated: 2 });
    expect(await it.repository.countPosts({ blog: it.blog })).toBe(3);
  });

  test("counts the same when it is done again after its worker died", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(3, 1)));
    await it.run("r1");
    expect(await it.run("r1")).toMatchObject({ found: 3, extracted: 3, added: 3, updated: 0 });
  });

  test("fails with the reason when the blog cannot be reached, after several tries", async () => {
    await using it = await setUp();
    it.site.page("/", { status: 503 });
    await expect(it.run("r1")).rejects.toThrow(`the blog cannot be read: ${it.site.origin}/ answered HTTP 503`);
    await expect(it.run("r1")).rejects.toBeInstanceOf(BlogUnavailableError);
    expect(it.log[0]).toContain("trying again in");
  });

  test("keeps what it has saved and tells the right counts when the list breaks off", async () => {
    await using it = await setUp();
    it.site.page("/", bloggerPage(dayPosts(3, 1), "/?2"));
    await expect(it.run("r1")).rejects.toThrow("page 2");
    expect(it.progress.at(-1)?.[3]).toMatchObject({ found: 3, extracted: 3, failed: 0 });
    expect(await it.repository.countPosts({ run: "r1" })).toBe(3);
  });

  test("ends with the reason it was stopped for", async () => {
    const stop = new AbortController();
    await using it = await setUp({ signal: stop.signal });
    it.site.page("/", bloggerPage([...dayPosts(3, 1), bloggerPost({ title: "Slow", more: "/slow.html" })]));
    it.site.page("/slow.html", () => stop.abort(new Error("soft time limit")));
    await expect(it.run("r1")).rejects.toThrow("soft time limit");
    expect(await it.repository.countPosts({ run: "r1" })).toBe(3);
  });
});
