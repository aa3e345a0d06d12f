/**
 * What does a pool cost: microseconds of CPU for a task that does nothing, above calling its function directly?
 *
 * The pools are asked directly, without a worker around them, so that nothing but their own work is counted: handing the request to
 * a process or thread, decoding its arguments, calling the function, handing back the outcome. Then a whole worker, on a broker in
 * memory, sending included, for what everything around the pool costs. And beside them the raw channel: the same messages, there and back, by children
 * that do nothing but answer.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger } from "lovage";
import { Worker } from "lovage/worker";
// Not part of the package's interface: users get pools inside of a worker only.
import { openPool } from "../packages/lovage/dist/worker/pools/open-pool.js";
import { echoProcess, echoThread } from "./support/echo-pool.mjs";
import { costOf, interleaved, quantile, sized } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { add, benchApp } from "./tasks.mjs";

const TASKS = sized(10_000);
const WARM_UP = sized(20_000);
const CHILDREN = 4;
const APP = fileURLToPath(new URL("./tasks.mjs", import.meta.url));

/** @type {readonly { kind: import("lovage/worker").PoolKind, size: number, aim?: number }[]} */
const POOLS = [
  { kind: "processes", size: CHILDREN, aim: 60 },
  { kind: "threads", size: CHILDREN, aim: 30 },
  { kind: "async", size: 100 },
  { kind: "solo", size: 1 },
];

announce("pool-overhead: what does a pool cost a task?", [
  `${TASKS} tasks add(2, 3) a round after ${WARM_UP} to warm up, pools full all the time; ${CHILDREN} processes or threads, async 100 at a time`,
  "microseconds of CPU a task, worker and children together, less those of a direct call",
]);

/**
 * Something to measure again and again: opened and warmed up once, for compiling its code is not what is asked.
 * @typedef {object} Contestant
 * @property {(count: number) => Promise<unknown>} work
 * @property {() => readonly number[]} pids its other processes
 * @property {() => Promise<unknown>} close
 */

/**
 * The pool alone.
 * @param {(typeof POOLS)[number]} setup
 * @returns {Promise<Contestant>}
 */
async function poolAlone({ kind, size }) {
  const { app } = benchApp({ brokerUrl: "memory://", resultBackend: null });
  /** @type {() => void} */
  let fill = () => undefined;
  const pool = openPool(kind, {
    app,
    size,
    appPath: APP,
    maxTasksPerChild: null,
    maxMemoryPerChild: null,
    startTimeout: 60,
    onFree: () => fill(),
    gateway: app.direct,
    logger: silentLogger,
    hostname: "bench",
  });
  await pool.start();
  /** @param {number} count */
  const work = (count) =>
    new Promise((resolve, reject) => {
      let left = count;
      let running = 0;
      const ended = (/** @type {{ kind: string }} */ outcome) => {
        running--;
        if (outcome.kind !== "success") reject(new Error(`a task ended with ${outcome.kind}`));
        else if (left === 0 && running === 0) resolve(undefined);
        // A pool of one slot may have told that it is free before it told how the task ended.
        else fill();
      };
      fill = () => {
        while (left > 0 && pool.free > 0) {
          left--;
          running++;
          void pool.run(requestOf(randomUUID()), LISTENER).outcome.then(ended);
        }
      };
      fill();
    });
  const close = async () => {
    await pool.stop();
    await app.close();
  };
  return { work, pids: () => childPids(pool), close };
}

/**
 * A worker with such a pool, its broker and its results in memory, from a full queue to an empty one.
 * @param {(typeof POOLS)[number]} setup
 * @returns {Promise<Contestant>}
 */
async function wholeWorker({ kind, size }) {
  const { app, add: task } = benchApp({
    brokerUrl: "memory://",
    resultBackend: "memory://",
    workerPrefetchMultiplier: Math.ceil(200 / size),
  });
  const worker = new Worker({ app, appPath: APP, pool: kind, concurrency: size });
  await worker.start();
  const { ledger, executor, pool } = worker.parts;
  const work = async (/** @type {number} */ count) => {
    const target = ledger.processed + count;
    let left = count;
    // The calls are part of it: they happen while the worker works, as they do in life.
    const caller = async () => {
      while (left-- > 0) await task.delay(2, 3);
    };
    await Promise.all(Array.from({ length: 200 }, caller));
    while (ledger.processed < target) await sleep(2);
    await executor.settled();
  };
  const close = async () => {
    await worker.stop();
    await app.close();
  };
  return { work, pids: () => childPids(pool), close };
}

/**
 * The channel alone: as many children as the pool has, each asked again when it has answered.
 * @param {() => Promise<import("./support/echo-pool.mjs").Echo>} open
 * @returns {Promise<Contestant>}
 */
async function channel(open) {
  const children = await Promise.all(Array.from({ length: CHILDREN }, open));
  const work = async (/** @type {number} */ count) => {
    let run = 0;
    const asker = async (/** @type {import("./support/echo-pool.mjs").Echo} */ child) => {
      while (run < count) await child.ask({ kind: "run", run: ++run, request: requestOf(randomUUID()) });
    };
    await Promise.all(children.map(asker));
  };
  const close = () => Promise.all(children.map((child) => child.stop()));
  return { work, pids: () => children.flatMap(({ pids }) => pids), close };
}

/** The function itself, awaited. */
async function directCall() {
  const work = async (/** @type {number} */ count) => {
    let sum = 0;
    for (let call = 0; call < count; call++) sum += await add(2, 3);
    if (sum !== 5 * count) throw new Error("add(2, 3) is not 5");
  };
  return { work, pids: () => [], close: async () => undefined };
}

/** @param {ReturnType<typeof openPool>} pool */
const childPids = (pool) => [...new Set(pool.slots().map(({ pid }) => pid))].filter((pid) => pid !== process.pid);

const ignore = () => undefined;
const LISTENER = { onStarted: ignore, onLog: ignore, onProgress: ignore, onState: ignore };

/** @param {string} id */
const requestOf = (id) => ({
  id,
  name: "bench.add",
  body: { encoded: '[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]' },
  retries: 0,
  deliveries: 1,
  fencingToken: 1,
  eta: null,
  expires: null,
  hostname: "bench",
  queue: "celery",
  rootId: id,
  parentId: null,
  groupId: null,
  groupIndex: null,
  correlationId: id,
  replyTo: "",
  origin: "gen1@bench",
  shadow: null,
  headers: {},
  timeLimit: null,
  softTimeLimit: null,
});

/** @type {Record<string, Contestant>} */
const contestants = {
  direct: await directCall(),
  "processes channel": await channel(echoProcess),
  "threads channel": await channel(echoThread),
};
for (const setup of POOLS) {
  contestants[`${setup.kind} alone`] = await poolAlone(setup);
  contestants[`${setup.kind} in a worker`] = await wholeWorker(setup);
}
for (const { work } of Object.values(contestants)) await work(WARM_UP);
/** @type {Record<string, () => Promise<number>>} */
const measurements = {};
for (const [name, { work, pids }] of Object.entries(contestants))
  measurements[name] = async () => (await costOf(TASKS, () => work(TASKS), pids)).cpu;
const figures = await interleaved(measurements);
for (const { close } of Object.values(contestants)) await close();
const direct = quantile(figures.direct ?? []);
/** @param {string} name */
const above = (name) => quantile(figures[name] ?? []) - direct;
table(
  ["pool", "the pool alone", "its raw channel", "a whole worker on memory://"],
  POOLS.map(({ kind, aim }) => {
    const alone = above(`${kind} alone`);
    return [
      kind,
      aim === undefined ? alone : { figure: alone, atMost: aim, unit: " us" },
      `${kind} channel` in figures ? above(`${kind} channel`) : "",
      above(`${kind} in a worker`),
    ];
  }),
);
console.log(`\n  the direct call: ${direct.toFixed(2)} us`);
