import { join } from "node:path";
import { load } from "cheerio";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Repository } from "../src/storage/repository.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { PageServer } from "../src/web/page-server.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const NASTY = `<script>alert("x")</script>'&`;
const BLOG = "https://a.example/?<b>";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: Repository;
let server: PageServer;
let address: string;
let errors: Error[];

beforeEach(async () => {
  folder = await temporaryFolder();
  repository = await openSqliteRepository(join(folder.path, "blog.db"));
  errors = [];
  server = new PageServer({ repository, onError: (error) => void errors.push(error) });
  address = await server.start(0);
});
afterEach(async () => {
  await server.stop();
  await repository.close();
  await folder[Symbol.asyncDispose]();
});

const get = (path: string) => fetch(new URL(path, address));
async function page(path: string) {
  const response = await get(path);
  expect(response.status).toBe(200);
  return load(await response.text());
}
async function savePosts(count: number, runId = "r"): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    await repository.savePost(BLOG, runId, {
      url: `https://a.example/${n}`,
      title: n === 30 ? null : `Post ${n}`,
      author: null,
      date: `2024-01-${String(n).padStart(2, "0")}`,
      time: null,
      text: "one two",
    });
  }
}

describe("the pages", () => {
  test("say how posts come to be there while there are none", async () => {
    expect((await page("/"))(".empty").text()).toContain("Press Run");
  });

  test("show posts page by page", async () => {
    await savePosts(30);
    const first = await page("/");
    expect(first("h1").text()).toContain("30");
    expect(first("tbody tr").length).toBe(25);
    expect(first("tbody tr").first().text()).toContain("untitled");
    expect((await page("/?page=2"))("tbody tr").length).toBe(5);
    expect((await page("/?page=99"))(".pager span").last().text()).toBe("Older");
  });

  test("show the posts of one run, and keep to it from page to page", async () => {
    await savePosts(30);
    await savePosts(27, "the run");
    const $ = await page("/?run=the%20run");
    expect($("h1").text()).toContain("27");
    expect($(".pager a").attr("href")).toBe("/?page=2&run=the+run");
  });

  test("put nothing into the markup that came from a blog", async () => {
    await repository.savePost(BLOG, NASTY, {
      url: "https://a.example/1?a=1&b=<",
      title: NASTY,
      author: NASTY,
      date: null,
      time: null,
      text: NASTY,
    });
    for (const path of ["/", `/?run=${encodeURIComponent(NASTY)}`, "/posts/1"]) {
      const $ = await page(path);
      expect($("script").length, path).toBe(1);
      expect($("body").text(), path).toContain(NASTY);
    }
  });

  test("need nothing from outside and run no inline script or style", async () => {
    const response = await get("/");
    expect(response.headers.get("content-security-policy")).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style| style=| on[a-z]+=/);
    for (const asset of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g))
      expect((await get(asset[1] ?? "")).status).toBe(200);
  });

  test("say 500 without details when the store cannot be read, and tell the log", async () => {
    await repository.close();
    const response = await get("/");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("database");
    expect(errors).toHaveLength(1);
  });

  test.each([
    "/nothing",
    "/posts/0",
    "/posts/x",
    "/assets/..%2fpackage.json",
    "/assets/constructor",
    "/posts/99999999999999999999",
  ])("answer 404 to %s", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(load(await response.text())("h1").text()).toBe("Not found");
  });

  test("listen on loopback only and can be stopped twice", async () => {
    expect(new URL(address).hostname).toBe("127.0.0.1");
    await server.stop();
    await server.stop();
    await expect(fetch(address)).rejects.toThrow();
  });
});

describe("the guard", () => {
  test("answers to loopback names only, so that a rebound DNS name gets nothing", async () => {
    const { request } = await import("node:http");
    const status = await new Promise((resolve, reject) => {
      request(address, { headers: { host: "evil.example" } }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(421);
  });

  test("refuses a change that another site asks for", async () => {
    const response = await fetch(address, { method: "POST", headers: { origin: "https://evil.example" } });
    expect(response.status).toBe(403);
  });
});
