import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL("./celery_bench.py", import.meta.url));
const run = promisify(execFile);

/**
 * Python's Celery: calls of `delay` one after the other, as they block; a worker with two processes that acknowledges late.
 * @param {string} url
 * @param {string} results
 * @returns {import("./contestant.mjs").Contestant}
 */
export function celery(url, results) {
  const python = process.env.LOVAGE_TEST_PYTHON ?? "python3";
  /** @param {string} what @param {string} backend @param {number} count */
  const ask = async (what, backend, count) => {
    const { stdout } = await run(python, [PROGRAM, what, url, backend, String(count)], { timeout: 120_000 });
    const line = stdout
      .trim()
      .split("\n")
      .find((each) => each.startsWith("{") || each.startsWith("["));
    return JSON.parse(line ?? "null");
  };
  /** @param {{ rate: number, cpu: number | null }} figure */
  const cost = ({ rate, cpu }) => ({ rate, cpu: cpu ?? Number.NaN });
  // Its rate needs no long run to show.
  const few = (/** @type {number} */ count) => Math.min(count, 3000);
  return {
    name: "Celery",
    enqueue: async (count) => cost(await ask("enqueue", "-", few(count))),
    drain: async (count, kept) => cost(await ask("drain", kept ? results : "-", few(count))),
    roundTrip: (count) => ask("round-trip", results, count),
  };
}
