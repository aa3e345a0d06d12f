import { join } from "node:path";
import { load } from "cheerio";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Job, Repository } from "../src/storage/repository.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { PageServer } from "../src/web/page-server.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const NASTY = `<script>alert("x")</script>'&`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: Repository;
let server: PageServer;
let address: string;
let job: Job;
let started: number[];
let failStart: Error | undefined;
let errors: Error[];

beforeEach(async () => {
  folder = await temporaryFolder();
  repository = await openSqliteRepository(join(folder.path, "blog.db"));
  job = await repository.createJob({
    name: NASTY,
    blogUrl: "https://a.example/?<b>",
    since: "2024-01-01",
    until: null,
    skip: 2,
    limit: 1,
  });
  started = [];
  errors = [];
  failStart = undefined;
  const startRun = async (jobId: number) => {
    if (failStart !== undefined) throw failStart;
    started.push(jobId);
    await repository.queueRun("task-1", jobId);
    return "task-1";
  };
  server = new PageServer({ repository, startRun, now: () => new Date(), onError: (error) => void errors.push(error) });
  address = await server.start(0);
});
afterEach(async () => {
  await server.stop();
  await repository.close();
  await folder[Symbol.asyncDispose]();
});

const HTML = { accept: "text/html,*/*;q=0.8" };
const get = (path: string) => fetch(new URL(path, address), { headers: HTML });
const post = (path: string, init: RequestInit = {}) =>
  fetch(new URL(path, address), { method: "POST", redirect: "manual", ...init });
async function page(path: string) {
  const response = await get(path);
  expect(response.status).toBe(200);
  return load(await response.text());
}

describe("the pages", () => {
  test("list jobs with a button to run each", async () => {
    const $ = await page("/");
    expect($(".job h2").text()).toBe(NASTY);
    expect(
      $(".chips li")
        .toArray()
        .map((chip) => $(chip).text()),
    ).toEqual(["from 2024-01-01", "skip 2", "1 post"]);
    expect($(`form[action="/jobs/${job.id}/run"] button`).text()).toBe("Run");
  });

  test("put nothing into the markup that came from a blog or a form", async () => {
    await repository.startRun("r1", job.id);
    await repository.addLog("r1", "warning", NASTY);
    await repository.endRun("r1", "FAILED", NASTY);
    await repository.savePost(job.id, "r1", {
      url: "https://a.example/1?a=1&b=<",
      title: NASTY,
      author: NASTY,
      date: null,
      time: null,
      text: NASTY,
    });
    for (const path of ["/", `/jobs/${job.id}`, "/runs/r1", "/posts/1"]) {
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

  test("make a job from the form", async () => {
    const body = new URLSearchParams({
      name: " Garden ",
      blogUrl: "https://garden.example",
      since: "",
      until: "2024-12-31",
      skip: "",
      limit: "7",
    });
    const response = await post("/jobs", { body });
    expect(response.status).toBe(303);
    const id = Number(/\/jobs\/(\d+)$/.exec(response.headers.get("location") ?? "")?.[1]);
    expect(await repository.findJob(id)).toMatchObject({
      name: "Garden",
      blogUrl: "https://garden.example/",
      since: null,
      until: "2024-12-31",
      skip: 0,
      limit: 7,
    });
  });

  test("say all that is wrong with the form, keep what was typed, and save nothing", async () => {
    const body = new URLSearchParams({
      name: "",
      blogUrl: "javascript:alert(1)",
      since: "2024-02-30",
      until: "x",
      skip: "-1",
      limit: "0",
    });
    const response = await post("/jobs", { body, headers: HTML });
    expect(response.status).toBe(422);
    const $ = load(await response.text());
    expect(
      $("[aria-invalid]")
        .toArray()
        .map((input) => $(input).attr("name")),
    ).toEqual(["name", "blogUrl", "since", "until", "skip", "limit"]);
    expect($("#blogUrl").attr("value")).toBe("javascript:alert(1)");
    expect($("details").attr("open")).toBeDefined();
    expect(await repository.listJobs()).toHaveLength(1);
  });

  test("refuse a last day before the first", async () => {
    const body = new URLSearchParams({
      name: "n",
      blogUrl: "https://a.example",
      since: "2024-02-02",
      until: "2024-02-01",
    });
    expect(load(await (await post("/jobs", { body })).text())("#until-error").text()).toBe(
      "The last day is before the first.",
    );
  });

  test("answer 202 with the task's id to a program that runs a job", async () => {
    const response = await post(`/jobs/${job.id}/run`);
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe("/runs/task-1");
    expect(await response.json()).toEqual({ taskId: "task-1", run: "/runs/task-1" });
    expect(started).toEqual([job.id]);
  });

  test("send a browser that runs a job to the run", async () => {
    const response = await post(`/jobs/${job.id}/run`, { headers: HTML });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/runs/task-1"]);
  });

  test("say 500 without details when a run cannot be started, and tell the log", async () => {
    failStart = new Error("secret path /x/y");
    const response = await post(`/jobs/${job.id}/run`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(errors).toEqual([failStart]);
  });

  test("show a run and tell its state as JSON with the log after a known entry", async () => {
    await repository.startRun("r1", job.id);
    await repository.addLog("r1", "info", "one");
    await repository.addLog("r1", "info", "two");
    await repository.saveProgress("r1", {
      counts: { found: 4, skipped: 0, extracted: 2, added: 2, updated: 0, failed: 1 },
      done: 3,
      total: 4,
      message: "Third",
    });
    const $ = await page("/runs/r1");
    expect($("progress").attr()).toMatchObject({ value: "3", max: "4" });
    expect($("#run-log li").length).toBe(2);
    const state: unknown = await (await fetch(new URL("/runs/r1/state?after=1", address))).json();
    expect(state).toMatchObject({
      status: "RUNNING",
      over: false,
      done: 3,
      total: 4,
      message: "Third",
      counts: { added: 2, failed: 1 },
      log: [{ id: 2, message: "two" }],
    });
  });

  test("show posts page by page", async () => {
    for (let n = 1; n <= 30; n += 1) {
      await repository.savePost(job.id, "r", {
        url: `https://a.example/${n}`,
        title: n === 30 ? null : `Post ${n}`,
        author: null,
        date: `2024-01-${String(n).padStart(2, "0")}`,
        time: null,
        text: "one two",
      });
    }
    const first = await page(`/jobs/${job.id}`);
    expect(first("#posts").text()).toContain("30");
    expect(first("table").first().find("tbody tr").length).toBe(25);
    expect(first("table").first().find("tbody tr").first().text()).toContain("untitled");
    expect((await page(`/jobs/${job.id}?page=2`))("tbody tr").length).toBe(5);
    expect((await page(`/jobs/${job.id}?page=99`))(".pager span").last().text()).toBe("Older");
  });

  test.each([
    "/nothing",
    "/jobs/99",
    "/jobs/x",
    "/runs/none",
    "/posts/0",
    "/assets/..%2fpackage.json",
    "/assets/constructor",
    "/jobs/99999999999999999999",
  ])("answer 404 to %s", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(load(await response.text())("h1").text()).toBe("Not found");
  });

  test("answer 404 to a program that runs a job that is not there", async () => {
    const response = await post("/jobs/99/run");
    expect([response.status, await response.json()]).toEqual([404, { error: "There is no such job." }]);
  });

  test.each<Record<string, string>>([
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:1" },
  ])("refuse a change that another site asks for: %j", async (headers) => {
    const response = await post(`/jobs/${job.id}/run`, { headers });
    expect(response.status).toBe(403);
    expect(started).toEqual([]);
  });

  test("take a change from their own pages", async () => {
    const headers = { origin: address.slice(0, -1), "sec-fetch-site": "same-origin" };
    expect((await post(`/jobs/${job.id}/run`, { headers })).status).toBe(202);
  });

  test("refuse a form that is too large", async () => {
    expect((await post("/jobs", { body: new URLSearchParams({ name: "x".repeat(100_000) }) })).status).toBe(413);
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
});
