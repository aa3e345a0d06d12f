// The app that worker tests run: loaded by the test and again by the pool, as a user's tasks.ts is.
import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { currentTask, Ignore, Lovage, Reject, SoftTimeLimitExceeded } from "../../src/index.js";

export const app = new Lovage("worker-tests", { taskUnknownGrace: 1, resultExtended: true });

export const add = app.task("t.add", (x: number, y: number) => x + y);
export const greet = app.task("t.greet", { input: z.object({ name: z.string() }) }, ({ name }) => `hello ${name}`);
export const fail = app.task("t.fail", (message: string) => {
  throw new RangeError(message);
});
export const flaky = app.task("t.flaky", { maxRetries: 3 }, (failures: number) => {
  const task = currentTask();
  if (task.retries < failures) task.retry({ countdown: 0.05, exc: new Error(`try ${task.retries}`) });
  return task.retries;
});
export const backsOff = app.task("t.backs-off", { retryBackoff: 0.02, retryJitter: false, maxRetries: 2 }, () => {
  throw new TypeError("never works");
});
export const family = app.task("t.family", async () => {
  const child = await add.delay(1, 1);
  return child.id;
});
export const context = app.task("t.context", () => {
  const { id, name, args, retries, deliveries, hostname, queue, rootId, headers, fencingToken } = currentTask();
  return { id, name, args, retries, deliveries, hostname, queue, rootId, headers, fenced: typeof fencingToken };
});
export const sleeps = app.task("t.sleeps", async (seconds: number) => {
  await wait(seconds * 1000, undefined, { signal: currentTask().signal });
  return "slept";
});
/** Runs until a file is there: a test's way to say when. */
export const waitsFor = app.task("t.waits-for", async (path: string) => {
  while (!existsSync(path)) await wait(10, undefined, { signal: currentTask().signal });
  return "seen";
});
export const tidiesUp = app.task("t.tidies-up", { softTimeLimit: 0.2 }, async () => {
  try {
    await wait(10_000, undefined, { signal: currentTask().signal });
  } catch {
    return currentTask().signal.reason instanceof SoftTimeLimitExceeded ? "tidied up" : "something else";
  }
  return "slept";
});
export const spins = app.task("t.spins", () => {
  for (;;);
});
export const progresses = app.task("t.progresses", async () => {
  await currentTask().progress(1, 3, "one of three", { found: 7 });
  await wait(10_000, undefined, { signal: currentTask().signal });
});
export const ignores = app.task("t.ignores", () => {
  throw new Ignore();
});
export const rejects = app.task("t.rejects", () => {
  throw new Reject("not for us");
});
export const circular = app.task("t.circular", () => {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
});
export const limited = app.task("t.limited", { rateLimit: "2/s" }, () => Date.now());
export const dies = app.task("t.dies", { rejectOnWorkerLost: false }, () => process.exit(7));
