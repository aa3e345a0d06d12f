import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { isMainThread, parentPort, threadId } from "node:worker_threads";
import { currentTask, Ignore, Lovage, Reject } from "../../src/index.js";

/** What the pool contract runs: tasks that behave, and tasks that do not. */
export const app = new Lovage("pool-app", { brokerUrl: "memory:", resultBackend: "memory:" });

export const add = app.task("add", (x: number, y: number) => x + y);

app.task("echo", (value: unknown) => value);
app.task("where", () => ({ pid: process.pid, threadId, isMainThread }));

app.task("sleep", async (seconds: number) => {
  await pause(seconds * 1000);
  return "slept";
});

/** Resolves when the signal aborts. Something is pending in the event loop meanwhile, as in any real wait. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const timer = setInterval(() => undefined, 1000);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  clearInterval(timer);
}

/** Waits for its signal, and fails with what it says. */
app.task("wait", async () => {
  const { signal } = currentTask();
  await aborted(signal);
  throw signal.reason;
});

/** Tidies up when it is asked to stop, and succeeds. */
app.task("tidy", async () => {
  const { signal } = currentTask();
  await aborted(signal);
  return signal.reason instanceof Error ? signal.reason.name : "none";
});

/** Never looks at its signal. */
app.task("stubborn", async () => await new Promise(() => setInterval(() => undefined, 1000)));

app.task("spin", (seconds: number) => {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end);
  return "spun";
});

app.task("spin-for-ever", () => {
  for (;;);
});

app.task("fail", () => {
  throw new RangeError("out of the question");
});
app.task("fail-unreadably", () => {
  const refuse = (): never => {
    throw new Error("not to be read");
  };
  throw new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse });
});
app.task("ignore", () => {
  throw new Ignore();
});
app.task("reject", () => {
  throw new Reject("not mine", { requeue: true });
});
app.task("unserialisable", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  return circle;
});

app.task("exit", (code: number) => process.exit(code));
app.task("kill-itself", async (signal: string) => {
  process.kill(process.pid, signal);
  await pause(10_000);
});
app.task("throw-outside", async () => {
  setTimeout(() => {
    throw new Error("thrown where nobody waits");
  }, 1);
  await pause(60_000);
});
app.task("reject-outside", async () => {
  void Promise.reject(new Error("rejected where nobody waits"));
  await pause(60_000);
});
app.task("run-out-of-memory", () => {
  // Long texts, made flat by a look inside: the heap fills in a second, where objects keep the garbage collector busy for many.
  const kept: string[] = [];
  for (;;) {
    const text = "x".repeat(2 ** 28) + kept.length;
    text.charCodeAt(1);
    kept.push(text);
  }
});

const hoard: Buffer[] = [];
app.task("hoard", (megabytes: number) => {
  hoard.push(Buffer.alloc(megabytes * 2 ** 20, 1));
  return { pid: process.pid, threadId };
});

app.task("talk", async () => {
  const task = currentTask();
  task.log.info("hello", { from: "the task" });
  await task.progress(1, 3, "one of three", { found: 7, broken: Number.NaN });
  await task.updateState("COOKING", { pot: 1 });
});
app.task("print", () => {
  console.log("to stdout");
  console.error("to stderr");
});

app.task("send", async (x: number) => {
  const { id } = await add.applyAsync([x, 1], { countdown: 60, taskId: "sent-from-inside" });
  return id;
});
app.task("read-date", async (id: string) => {
  const { at } = await app.asyncResult<{ at: Date }>(id).get({ timeout: 10 });
  return at.toISOString();
});
app.task("read-result-until-aborted", async (id: string) => {
  await app.asyncResult(id).get({ signal: currentTask().signal });
});

/** Writes on the channel to the worker what no version of the library would. */
app.task("forge", async (text: string) => {
  if (parentPort) parentPort.postMessage(text);
  else writeSync(3, `${text}\n`);
  await pause(60_000);
});
