/**
 * How long does a task that does nothing take from `delay()` to `get()` when nothing else is to be done, in one process and across
 * processes; how soon does a waiting worker of another process pick it up; and what does a worker cost that waits?
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "lovage/worker";
import { cpuOf, ITERATIONS, inFolder, interleaved, quantile, sized } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { benchApp } from "./tasks.mjs";

const CALLS = sized(100);
/** Between two calls, so that each finds everybody asleep. */
const PAUSE_MS = 5;
const IDLE_SECONDS = ITERATIONS === 1 ? 1 : 4;
const APP = fileURLToPath(new URL("./tasks.mjs", import.meta.url));
const WORKER = fileURLToPath(new URL("./support/worker-process.mjs", import.meta.url));

announce("sqlite-latency: how soon does a task run and its result arrive, and what does waiting cost?", [
  `${CALLS} calls a round, one after the other, ${PAUSE_MS} ms apart; ${IDLE_SECONDS} s of waiting; synchronous=FULL`,
  "milliseconds, all rounds together; a share of one core",
]);

/**
 * @typedef {object} Latencies all in milliseconds
 * @property {number[]} trips from the call of `delay()` to the return of `get()`
 * @property {number[]} pickUps from the return of `delay()`, when the task is committed, to its first line
 */

/**
 * @param {ReturnType<typeof benchApp>} bench
 * @returns {Promise<Latencies>}
 */
async function measureCalls({ stamp }) {
  /** @type {Latencies} */
  const latencies = { trips: [], pickUps: [] };
  for (let call = 0; call < CALLS; call++) {
    await sleep(PAUSE_MS);
    const called = performance.now();
    const sent = await stamp.delay();
    const committed = performance.timeOrigin + performance.now();
    const ran = await sent.get({ timeout: 30 });
    latencies.trips.push(performance.now() - called);
    latencies.pickUps.push(ran - committed);
  }
  return latencies;
}

/** @param {import("lovage/worker").PoolKind} pool */
const inOneProcess = (pool) => () =>
  inFolder(async (folder) => {
    const url = `sqlite:${join(folder, "bench.db")}`;
    const bench = benchApp({ brokerUrl: url, resultBackend: url });
    const worker = new Worker({ app: bench.app, appPath: APP, pool, concurrency: 2 });
    await worker.start();
    const latencies = await measureCalls(bench);
    await worker.stop();
    await bench.app.close();
    return { ...latencies, idle: Number.NaN };
  });

/** @param {import("lovage/worker").PoolKind} pool */
const acrossProcesses = (pool) => () =>
  inFolder(async (folder) => {
    const url = `sqlite:${join(folder, "bench.db")}`;
    const bench = benchApp({ brokerUrl: url, resultBackend: url });
    const worker = fork(WORKER, [url, APP, pool]);
    const [{ pids }] = /** @type {[{ pids: number[] }]} */ (await once(worker, "message"));
    const idle = await idleShare(pids);
    const latencies = await measureCalls(bench);
    worker.send("stop");
    await once(worker, "exit");
    await bench.app.close();
    return { ...latencies, idle };
  });

/**
 * The share of a core that processes with nothing to do take.
 * @param {readonly number[]} pids
 */
async function idleShare(pids) {
  // Just after the start, code is still being compiled and garbage collected.
  await sleep(ITERATIONS === 1 ? 200 : 1000);
  const before = cpuOf(pids);
  await sleep(IDLE_SECONDS * 1000);
  return (cpuOf(pids) - before) / IDLE_SECONDS;
}

const figures = await interleaved({
  "one process, async": inOneProcess("async"),
  "one process, processes": inOneProcess("processes"),
  "two processes, async": acrossProcesses("async"),
  "two processes, threads": acrossProcesses("threads"),
  "two processes, processes": acrossProcesses("processes"),
});
const rows = Object.entries(figures).map(([name, rounds]) => {
  const trips = rounds.flatMap((round) => round.trips);
  const pickUps = rounds.flatMap((round) => round.pickUps);
  const idle = quantile(rounds.map((round) => round.idle)) * 100;
  const pickUp = { figure: quantile(pickUps), atMost: 5, unit: " ms" };
  return [
    name,
    quantile(trips),
    quantile(trips, 0.99),
    pickUp,
    quantile(pickUps, 0.99),
    Number.isNaN(idle) ? "" : { figure: idle, atMost: 1, unit: "%" },
  ];
});
table(["where, pool", "trip p50", "trip p99", "pick-up p50", "pick-up p99", "idle worker"], rows);
