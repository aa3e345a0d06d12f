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
 * What some work cost.
 * @typedef {object} Cost
 * @property {number} rate items a second
 * @property {number} cpu microseconds of CPU an item, of this process and of those given; on a busy machine the more telling figure
 */

/**
 * Does `count` items of work and says what one cost.
 * @param {number} count
 * @param {() => unknown} work
 * @param {() => readonly number[]} [pids] other processes whose CPU counts
 * @returns {Promise<Cost>}
 */
export async function costOf(count, work, pids = () => []) {
  const others = pids();
  const cpuBefore = ownCpu() + cpuOf(others);
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  return { rate: count / seconds, cpu: ((ownCpu() + cpuOf(others) - cpuBefore) / count) * 1e6 };
}

/**
 * Measures the contestants by turns, so that whatever else the machine does meets all of them alike, and in changing order,
 * so that none always comes after the same other one.
 * @template {string} Name
 * @template Figure
 * @param {Readonly<Record<Name, () => Promise<Figure>>>} contestants each returns its figure for one round
 * @returns {Promise<Record<Name, Figure[]>>} figures by contestant, one a round
 */
export async function interleaved(contestants) {
  const names = /** @type {Name[]} */ (Object.keys(contestants));
  const figures = /** @type {Record<Name, Figure[]>} */ ({});
  for (const name of names) figures[name] = [];
  for (let round = 0; round < ITERATIONS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) figures[name].push(await contestants[name]());
  }
  return figures;
}

/**
 * How one contestant's costs compare with another's, as medians and ratios. The median of the rounds' ratios moves
 * less than the ratio of the medians when the machine is busy.
 * @param {readonly Cost[]} costs
 * @param {readonly Cost[]} base
 */
export function compared(costs, base) {
  const share = quantile(costs.map(({ rate }, round) => rate / (base[round]?.rate ?? Number.NaN)));
  const cpuShare = quantile(costs.map(({ cpu }, round) => (base[round]?.cpu ?? Number.NaN) / cpu));
  const medians = [costs, base].map((each) => ({
    rate: quantile(each.map(({ rate }) => rate)),
    cpu: quantile(each.map(({ cpu }) => cpu)),
  }));
  const [own, other] = medians;
  return { rate: own?.rate, baseRate: other?.rate, share, cpu: own?.cpu, baseCpu: other?.cpu, cpuShare };
}

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
