import { describe, expect, test } from "vitest";
import type { JobDetail, JobList, JobLogs, JobStats, RunDetail } from "../../src/api/jobs.js";
import type { RouteReply } from "../../src/server/route.js";
import { ActionBench } from "../support/action-bench.js";
import { ADMIN } from "../support/call-route.js";
import { until } from "../support/until.js";

const MINE = { title: "My scraping", task: "bench.scrape", fixed: { blog: "mine" }, concurrency: "skip" };

const runJob = async (
  bench: ActionBench,
  slug: string,
  parameters: object = {},
): Promise<{ id: string; number: number }> =>
  await bench.call("post", "/jobs/{slug}/runs", { params: { slug }, body: { parameters } });
const getRun = async (bench: ActionBench, id: string): Promise<RunDetail> =>
  await bench.call<RunDetail>("get", "/runs/{id}", { params: { id } });

async function ended(bench: ActionBench, id: string, state: string): Promise<RunDetail> {
  await until(async () => (await getRun(bench, id)).state === state);
  return await getRun(bench, id);
}
async function make(bench: ActionBench, definition: object): Promise<JobDetail> {
  const reply = await bench.call<RouteReply>("post", "/jobs", { body: definition });
  return reply.body as JobDetail;
}

describe("jobs of the program", () => {
  test("are run from a form, and tell their progress, counters, result and links", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id, number } = await runJob(bench, "scrape", { blog: "a" });
    expect(number).toBe(1);

    const run = await ended(bench, id, "SUCCESS");
    expect(run).toMatchObject({
      jobTitle: "Scrape a blog",
      taskName: "bench.scrape",
      by: "ann",
      parameters: { blog: "a", limit: 3 },
      progress: { current: 1, total: 3, message: "first page" },
      counters: { seen: 1, saved: 3 },
      result: { form: "json", value: { saved: 3, links: [{ label: "Posts", href: "/posts" }] } },
      links: [{ label: "Posts", href: "/posts" }],
      actions: { stop: { possible: false }, rerun: { possible: true } },
    });
    const { items } = await bench.call<JobList>("get", "/jobs");
    expect(items).toMatchObject([
      { slug: "scrape", source: "app", runs: 1, running: 0, successRate: 1, lastRun: { id } },
    ]);
    expect(await bench.call<JobLogs>("get", "/jobs/{slug}/logs", { params: { slug: "scrape" } })).toMatchObject({
      items: [{ message: "scraping", run: 1 }],
    });
  });

  test("refuse what does not fit the schema, and send nothing", async () => {
    const bench = await ActionBench.open();
    await expect(runJob(bench, "scrape", { limit: "many" })).rejects.toMatchObject({
      status: 400,
      errors: [{ path: "parameters.blog" }, { path: "parameters.limit" }],
    });
    expect((await runJob(bench, "scrape", { blog: "a" })).number).toBe(1);
    await expect(bench.call("delete", "/jobs/{slug}", { params: { slug: "scrape" } })).rejects.toMatchObject({
      code: "job_read_only",
    });
  });

  test("show the runs that the program starts itself, and statistics of all after a restart", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const first = await runJob(bench, "scrape", { blog: "a", limit: 13 });
    await ended(bench, first.id, "FAILURE");
    const { id } = await bench.scrape.run({ blog: "b", limit: 4 });
    await until(async () => (await bench.parts.jobs.findRun(id))?.state === "SUCCESS");
    expect(await getRun(bench, id)).toMatchObject({ number: 2, parameters: { blog: "b", limit: 4 } });

    await bench.restartConsole();
    expect(await bench.call<JobStats>("get", "/jobs/{slug}/stats", { params: { slug: "scrape" } })).toMatchObject({
      runs: 2,
      succeeded: 1,
      failed: 1,
      counters: expect.arrayContaining([{ name: "saved", sum: 4, last: 4 }]),
    });
  });

  test("keep secrets out of what is shown of a run", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await runJob(bench, "scrape", { blog: "a", token: "hunter2" });
    expect(JSON.stringify(await ended(bench, id, "SUCCESS"))).not.toContain("hunter2");
    expect(await bench.parts.jobs.argumentsOf(id)).toBeUndefined();
  });
});

describe("jobs made in the console", () => {
  test("are made, changed in the version that was read, and deleted", async () => {
    const bench = await ActionBench.open();
    const job = await make(bench, MINE);
    expect(job).toMatchObject({ slug: "my-scraping", source: "console", form: { required: ["limit"] } });
    expect(Object.keys((job.form?.properties as object) ?? {})).toEqual(["limit", "token"]);
    await expect(make(bench, MINE)).rejects.toMatchObject({ status: 409, code: "job_exists" });
    await expect(make(bench, { ...MINE, slug: "x", task: "bench.add" })).rejects.toMatchObject({
      errors: [{ path: "task" }],
    });

    const { jobs } = bench.parts;
    const asked = { description: null, defaults: {}, asked: null, queue: null, ...MINE, concurrency: "skip" } as const;
    await expect(jobs.replace("my-scraping", asked, null, ADMIN)).rejects.toMatchObject({ status: 428 });
    expect(await jobs.replace("my-scraping", { ...asked, title: "New" }, job.etag, ADMIN)).toMatchObject({
      title: "New",
    });
    await expect(jobs.replace("my-scraping", asked, job.etag, ADMIN)).rejects.toMatchObject({ status: 412 });
    await bench.call("delete", "/jobs/{slug}", { params: { slug: "my-scraping" } });
    await expect(bench.call("get", "/jobs/{slug}", { params: { slug: "my-scraping" } })).rejects.toMatchObject({
      status: 404,
    });
  });

  test("that run one at a time name the run in the way", async () => {
    const bench = await ActionBench.open();
    await make(bench, MINE);
    const first = await runJob(bench, "my-scraping", { limit: 1 });
    await expect(runJob(bench, "my-scraping", { limit: 1 })).rejects.toMatchObject({
      status: 409,
      code: "run_in_the_way",
      message: expect.stringContaining(`run 1 (${first.id})`),
    });
    await bench.worker();
    await ended(bench, first.id, "SUCCESS");
    expect((await runJob(bench, "my-scraping", { limit: 1 })).number).toBe(2);
  });

  test("whose runs wait for each other go on after a restart, in order", async () => {
    const bench = await ActionBench.open();
    await make(bench, { ...MINE, concurrency: "queue" });
    const runs = [];
    for (const limit of [1, 2, 3]) runs.push(await runJob(bench, "my-scraping", { limit }));
    const [first, second, third] = runs.map(({ id }) => id);
    expect((await getRun(bench, second ?? "")).state).toBe("WAITING");
    await bench.call("post", "/runs/{id}/stop", { params: { id: third } });
    expect((await getRun(bench, third ?? "")).state).toBe("REVOKED");

    await bench.restartConsole();
    await bench.worker();
    const one = await ended(bench, first ?? "", "SUCCESS");
    const two = await ended(bench, second ?? "", "SUCCESS");
    expect(Date.parse(two.started ?? "")).toBeGreaterThanOrEqual(Date.parse(one.finished ?? ""));
    expect(two.parameters).toEqual({ blog: "mine", limit: 2 });
  });

  test("of tasks that nobody here knows are run all the same, and stopped", async () => {
    const bench = await ActionBench.open();
    await make(bench, { title: "Hold", task: "bench.hold.unknown", queue: "elsewhere" });
    const { id } = await runJob(bench, "hold", { any: [1, { $bigint: "12345678901234567890" }] });
    const [peeked] = await (await bench.app.direct.broker()).queues.peek("elsewhere", { limit: 1 });
    expect(Buffer.from(peeked?.message.body ?? []).toString()).toContain('{"any":[1,12345678901234567890]}');
    expect(peeked?.message.headers).toMatchObject({ id, lovage_job: "hold", lovage_job_run: id });
    const reply = await bench.call("post", "/runs/{id}/stop", { params: { id } });
    expect(reply).toMatchObject({ outcomes: [{ target: id, outcome: "no-answer" }] });
  });
});
