import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { ConfigurationError, currentTask, Lovage, type LovageOptions, ValidationError } from "../src/index.js";
import { Worker } from "../src/worker/worker.js";

function makeApp(options: LovageOptions = {}): Lovage {
  const app = new Lovage("jobs", { brokerUrl: "memory://", resultBackend: "memory://", ...options });
  onTestFinished(() => app.close());
  return app;
}

const Input = z.object({ blog: z.string(), limit: z.number().default(10), dry: z.boolean().optional() });

/** A task that gives what it was given, and the headers it came with. */
function echoTask(app: Lovage) {
  return app.task("scrape", { input: Input }, (input) => {
    const { headers, id, queue } = currentTask();
    return { input, headers, id, queue };
  });
}

async function startWorker(app: Lovage, queues = ["celery"]): Promise<void> {
  const worker = new Worker({ app, pool: "solo", queues });
  await worker.start();
  onTestFinished(() => worker.stop());
}

describe("a job", () => {
  test("sends its task with what it fixes and what it defaults to, marked as its run", async () => {
    const app = makeApp();
    const job = app.job("scrape-blog", { task: echoTask(app), fixed: { blog: "x" }, defaults: { limit: 5 } });
    await startWorker(app);
    const run = await job.run({ dry: true });
    expect(await run.get()).toEqual({
      input: { blog: "x", limit: 5, dry: true },
      headers: { lovage_job: "scrape-blog", lovage_job_run: run.id },
      id: run.id,
      queue: "celery",
    });
  });

  test("gives way to a run's own parameters, where it has defaults", async () => {
    const app = makeApp();
    const job = app.job("scrape-blog", { task: echoTask(app), defaults: { blog: "x", limit: 5 } });
    await startWorker(app);
    const run = await job.run({ blog: "y" });
    expect(await run.get()).toMatchObject({ input: { blog: "y", limit: 5 } });
  });

  test("sends to its own queue, and takes a call's options", async () => {
    const app = makeApp();
    const job = app.job("scrape-blog", { task: echoTask(app), queue: "slow" });
    await startWorker(app, ["slow"]);
    const run = await job.run({ blog: "x" }, { taskId: "run-1", headers: { mine: 1, lovage_job: "other" } });
    expect(await run.get()).toMatchObject({
      id: "run-1",
      queue: "slow",
      headers: { mine: 1, lovage_job: "scrape-blog", lovage_job_run: "run-1" },
    });
  });

  test("refuses parameters that do not fit the task's schema, before anything is sent", async () => {
    const app = makeApp();
    const job = app.job("scrape-blog", { task: echoTask(app) });
    const wrong: { blog: string } = JSON.parse('{"blog": 3}');
    await expect(job.run(wrong)).rejects.toThrow(ValidationError);
  });

  test("refuses parameters that it fixes", async () => {
    const app = makeApp();
    const job = app.job("scrape-blog", { task: echoTask(app), fixed: { blog: "x" } });
    const wrong: object = { blog: "y" };
    await expect(job.run(wrong)).rejects.toMatchObject({
      code: "job_parameter_fixed",
      message: "job scrape-blog fixes blog: a run cannot set it",
    });
  });

  test("uses a task that is known by name only", async () => {
    const app = makeApp();
    const job = app.job("python", { task: "scrape", fixed: { blog: "x" } });
    echoTask(app);
    await startWorker(app);
    const run = await job.run({ limit: 2 });
    expect(await run.get()).toMatchObject({ input: { blog: "x", limit: 2 }, headers: { lovage_job: "python" } });
  });

  test("uses a remote task that passes kwargs", async () => {
    const app = makeApp();
    const remote = app.remote<(input: { blog: string }) => { input: { blog: string } }>("scrape", { passes: "kwargs" });
    const job = app.job("remote", { task: remote, fixed: { blog: "x" } });
    echoTask(app);
    await startWorker(app);
    expect(await (await job.run()).get()).toMatchObject({ input: { blog: "x" } });
  });
});

describe("jobs of an app", () => {
  test("are found by slug, as data", () => {
    const app = makeApp();
    app.job("b", { task: echoTask(app) });
    app.job("a", {
      task: "proj.scrape",
      title: "Scrape",
      description: "All of it.",
      fixed: { blog: "x" },
      defaults: { limit: 5 },
      asked: ["limit"],
      concurrency: "skip",
      queue: "slow",
    });
    expect(app.jobSlugs).toEqual(["a", "b"]);
    expect(app.findJob("a")).toEqual({
      slug: "a",
      title: "Scrape",
      task: "proj.scrape",
      description: "All of it.",
      fixed: { blog: "x" },
      defaults: { limit: 5 },
      asked: ["limit"],
      concurrency: "skip",
      queue: "slow",
    });
    expect(app.findJob("b")).toEqual({
      slug: "b",
      title: "b",
      task: "scrape",
      description: null,
      fixed: {},
      defaults: {},
      asked: null,
      concurrency: "allow",
      queue: null,
    });
    expect(app.findJob("c")).toBeUndefined();
  });

  test("have slugs of their own", () => {
    const app = makeApp();
    app.job("a", { task: "x" });
    expect(() => app.job("a", { task: "y" })).toThrow(expect.objectContaining({ code: "job_registered_twice" }));
  });

  test.each(["", "A", "a_b", "-a", "a/b", "é", "a".repeat(64), "a\n"])("have no slug such as %j", (slug) => {
    const app = makeApp();
    expect(() => app.job(slug, { task: "x" })).toThrow(ConfigurationError);
    expect(app.jobSlugs).toEqual([]);
  });

  test("say all that is wrong with one at once", () => {
    const app = makeApp();
    const add = app.task("add", (x: number) => x);
    const wrong = JSON.parse(
      '{"fixed": {"a": 1}, "defaults": {"a": 2}, "asked": ["a"], "concurrency": "no", "queue": ""}',
    );
    expect(() => app.job("a", { ...wrong, task: add })).toThrow(
      'job "a" uses a task whose parameters travel as args; give it one with an input schema; it fixes a, which it asks for or has a ' +
        'default for; it has the concurrency "no"; it is one of allow, skip, queue; it has an empty queue',
    );
  });
});
