import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Milliseconds that a process may take to end once it is told to. */
const END_MS = 30_000;

/**
 * A whole console in a process of its own.
 * @param {string} brokerUrl
 * @param {string} store
 */
export async function startConsole(brokerUrl, store) {
  /** @type {import("./console-process.mjs").ConsoleFigures[]} */
  const told = [];
  const { first, ...running } = await start("console-process.mjs", [brokerUrl, store], (message) => told.push(message));
  return { ...running, url: String(first.url), told };
}

/**
 * A worker in a process of its own, for the benchmarks' tasks. It sends events of them.
 * @param {string} brokerUrl
 * @param {string} [results]
 */
export async function startWorker(brokerUrl, results = brokerUrl) {
  const app = fileURLToPath(new URL("../tasks.mjs", import.meta.url));
  const { pid, stop } = await start(
    "worker-process.mjs",
    [brokerUrl, app, "async", "events", results],
    () => undefined,
  );
  return { pid, stop };
}

/**
 * Starts a program of this folder that says something once it is ready, and ends when anything is said to it.
 * @param {string} program
 * @param {readonly string[]} programArguments
 * @param {(message: any) => void} onMessage what it says later
 */
async function start(program, programArguments, onMessage) {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), programArguments);
  const exited = once(child, "exit");
  const ready = once(child, "message");
  const first = await Promise.race([ready.then(([message]) => message), exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`${program} ended before it was ready`);
  child.on("message", onMessage);
  return {
    first,
    pid: child.pid ?? 0,
    /** Idempotent. */
    stop: async () => {
      if (child.connected) child.send("end");
      const kill = setTimeout(() => child.kill("SIGKILL"), END_MS);
      await exited;
      clearTimeout(kill);
    },
  };
}
