import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type AsyncResult, Lovage } from "../src/index.js";

const app = new Lovage("types", { brokerUrl: "memory://", resultBackend: "memory://" });
const scrape = app.task(
  "scrape",
  { input: z.object({ blog: z.string(), limit: z.number().default(10), since: z.string().optional() }) },
  async ({ blog }) => ({ saved: blog.length }),
);
const add = app.task("add", (x: number, y: number) => x + y);
const python = app.remote<(input: { blog: string }) => number>("proj.scrape", { passes: "kwargs" });

describe("a job's types", () => {
  test("a run takes the task's input, and gives its result", () => {
    const job = app.job("a", { task: scrape });
    expectTypeOf(job.run({ blog: "x", limit: 3 })).resolves.toEqualTypeOf<AsyncResult<{ saved: number }>>();
    // @ts-expect-error blog is missing
    void job.run({ limit: 3 });
    // @ts-expect-error blog is missing
    void job.run();
    // @ts-expect-error no such parameter
    void job.run({ blog: "x", limits: 3 });
    // @ts-expect-error of the wrong type
    void job.run({ blog: 3 });
  });

  test("what is fixed is not given, what has a default may be", () => {
    const job = app.job("b", { task: scrape, fixed: { blog: "x" }, defaults: { limit: 5 } });
    void job.run();
    void job.run({ limit: 3, since: "2026-01-01" }, { countdown: 5 });
    // @ts-expect-error blog is fixed
    void job.run({ blog: "y" });
    const asking = app.job("c", { task: scrape, defaults: { blog: "x" }, asked: ["blog", "since"] });
    void asking.run();
    void asking.run({ blog: "y" });
  });

  test("what the job sets is checked against the task's input", () => {
    // @ts-expect-error of the wrong type
    app.job("d", { task: scrape, fixed: { blog: 3 } });
    // @ts-expect-error no such parameter
    app.job("e", { task: scrape, fixed: { blog: "x", blogs: "y" } });
    // @ts-expect-error no such parameter
    app.job("f", { task: scrape, defaults: { lim: 3 } });
    // @ts-expect-error no such parameter
    app.job("g", { task: scrape, asked: ["lim"] });
    // @ts-expect-error fixed and asked for
    app.job("h", { task: scrape, fixed: { blog: "x" }, asked: ["blog"] });
    // @ts-expect-error fixed, and with a default
    app.job("i", { task: scrape, fixed: { blog: "x" }, defaults: { blog: "y" } });
    // @ts-expect-error no such concurrency
    app.job("j", { task: scrape, concurrency: "forbid" });
  });

  test("a positional task is no job's", () => {
    // @ts-expect-error its parameters have no names
    app.job("k", { task: add });
  });

  test("a remote task that passes kwargs is, and so is a name, whose parameters are open", () => {
    const remote = app.job("l", { task: python, fixed: { blog: "x" } });
    expectTypeOf(remote.run()).resolves.toEqualTypeOf<AsyncResult<number>>();
    const named = app.job("m", { task: "proj.other", fixed: { anything: 1 }, asked: ["more"] });
    expectTypeOf(named.run({ more: 2 })).resolves.toEqualTypeOf<AsyncResult<unknown>>();
    void named.run();
  });
});
