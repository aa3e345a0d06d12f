import { spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const CHILD = new URL("./echo-child.mjs", import.meta.url);

/**
 * @typedef {object} Echo
 * @property {readonly number[]} pids
 * @property {(message: object) => Promise<unknown>} ask one at a time
 * @property {() => Promise<unknown>} stop
 */

/**
 * A thread that answers.
 * @returns {Promise<Echo>}
 */
export async function echoThread() {
  const worker = new Worker(CHILD);
  await once(worker, "online");
  /** @type {(answer: unknown) => void} */
  let answered = () => undefined;
  worker.on("message", (answer) => answered(answer));
  return {
    pids: [],
    ask(message) {
      const answer = new Promise((resolve) => {
        answered = resolve;
      });
      worker.postMessage(message);
      return answer;
    },
    stop: () => worker.terminate(),
  };
}

/**
 * A process that answers.
 * @returns {Promise<Echo>}
 */
export async function echoProcess() {
  const child = spawn(process.execPath, [fileURLToPath(CHILD)], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const channel = child.stdio[3];
  if (!(channel instanceof Duplex)) throw new TypeError("a child process came without its channel");
  /** @type {(answer: unknown) => void} */
  let answered = () => undefined;
  channel.setEncoding("utf8");
  // One answer at a time, and small: it comes in one piece.
  channel.on("data", (line) => answered(JSON.parse(line)));
  return {
    pids: [child.pid ?? 0],
    ask(message) {
      const answer = new Promise((resolve) => {
        answered = resolve;
      });
      channel.write(`${JSON.stringify(message)}\n`);
      return answer;
    },
    async stop() {
      const exited = once(child, "exit");
      channel.end();
      await exited;
    },
  };
}
