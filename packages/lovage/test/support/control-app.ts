// The app that remote control tests run: loaded by the test and again by the pool, as a user's tasks.ts is.
import { setTimeout as wait } from "node:timers/promises";
import { currentTask, Lovage } from "../../src/index.js";

export const app = new Lovage("control-tests", {
  brokerUrl: "memory://",
  resultBackend: "memory://",
  resultExtended: true,
  taskDefaultQueue: "control",
  workerPrefetchMultiplier: 10,
});

export const add = app.task("t.add", (x: number, y: number) => x + y);
export const limited = app.task("t.limited", { rateLimit: "100/m", maxRetries: 7 }, (x: number) => x);
/** Runs until its signal aborts. */
export const waits = app.task("t.waits", async (seconds: number) => {
  await wait(seconds * 1000, undefined, { signal: currentTask().signal });
  return seconds;
});
export const spins = app.task("t.spins", () => {
  for (;;);
});
