import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Rounds of each measurement. CI asks for 1: enough to show that it still runs, too few for its figures to mean anything. */
export const ITERATIONS = Math.max(1, Math.trunc(Number(process.env.BENCH_ITERATIONS ?? 5)) || 5);

/**
 * `full` items a round, or a fraction of them in CI, where the time a benchmark takes matters and its figures do not.
 * @param {number} full
 */
export const sized = (full) => (ITERATIONS === 1 ? Math.ceil(full / 5) : full);

/**
 * The median, for figures that a busy machine spoils now and then; `share` 0.99 for the 99th percentile.
 * @param {readonly number[]} values
 * @param {number} [share]
 */
export function quantile(values, share = 0.5) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/**
 * Seconds that `work` takes.
 * @param {() => unknown} work
 */
export async function secondsOf(work) {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/**
 * Measures the contestants by turns, so that whatever else the machine does meets all of them alike, and in changing order,
 * so that none always comes after the same other one.
 * @template {string} Name
 * @param {Readonly<Record<Name, () => Promise<number>>>} contestants each returns its figure for one round
 * @returns {Promise<Record<Name, number[]>>} figures by contestant, one a round
 */
export async function interleaved(contestants) {
  const names = /** @type {Name[]} */ (Object.keys(contestants));
  const figures = /** @type {Record<Name, number[]>} */ (Object.fromEntries(names.map((name) => [name, []])));
  for (let round = 0; round < ITERATIONS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) figures[name].push(await contestants[name]());
  }
  return figures;
}

/**
 * How the figures of one contestant compare with another's, round by round: the median of the ratios moves less than the ratio
 * of the medians when the machine is busy.
 * @param {readonly number[]} figures
 * @param {readonly number[]} base
 */
export const ratio = (figures, base) => quantile(figures.map((figure, round) => figure / (base[round] ?? Number.NaN)));

/**
 * Runs `work` with a folder that is gone afterwards. On the disk that `TMPDIR` names: a memory file system would make
 * every commit free.
 * @template T
 * @param {(folder: string) => Promise<T>} work
 */
export async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "lovage-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** CPU seconds of this process and its threads. */
export function ownCpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * CPU seconds of other processes, from Linux's /proc; NaN where there is none, or a process is gone.
 * @param {readonly number[]} pids
 */
export function cpuOf(pids) {
  return pids.reduce((sum, pid) => sum + cpuOfProcess(pid), 0);
}

/** @param {number} pid */
function cpuOfProcess(pid) {
  try {
    // Nanoseconds thread by thread: /proc/PID/stat counts in steps of 10 ms.
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    return times.reduce((sum, time) => sum + Number(time) / 1e9, 0);
  } catch {
    return Number.NaN;
  }
}
