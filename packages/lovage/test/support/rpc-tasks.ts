// The app that tests of the rpc result backend run: loaded by the test and again by the pool, as a user's tasks.ts is.
import { currentTask, Lovage } from "../../src/index.js";

export const app = new Lovage("rpc-tests", { taskTrackStarted: true });

export const add = app.task("rpc.add", (x: number, y: number) => x + y);
export const fail = app.task("rpc.fail", (message: string) => {
  throw new RangeError(message);
});
/** Sends a task and waits for its result, which comes to the worker. */
export const asks = app.task("rpc.asks", async (x: number) => {
  const child = await add.delay(x, 1);
  return (await child.get({ timeout: 10 })) * 10;
});
export const flaky = app.task("rpc.flaky", { maxRetries: 3 }, () => {
  const task = currentTask();
  if (task.retries < 2) task.retry({ countdown: 0.01, exc: new Error(`try ${task.retries}`) });
  return task.retries;
});
