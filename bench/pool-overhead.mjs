/**
 * What does a pool cost: microseconds of CPU for a task that does nothing, above calling its function directly?
 *
 * The pools are asked directly, without a worker around them, so that nothing but their own work is counted: handing the request to
 * a process or thread, decoding its arguments, calling the function, handing back the outcome. Then a whole worker, on a broker in
 * memory, for what everything around the pool costs. And beside them the raw channel: the same messages, there and back, by children
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
const WARM_UP = 2000;
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
 * The pool alone.
 * @param {(typeof POOLS)[number]} setup
 */
const poolAlone =
  ({ kind, size }) =>
  async () => {
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
    const run = (count) =>
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
    await run(WARM_UP);
    const cost = await costOf(
      TASKS,
      () => run(TASKS),
      () => childPids(pool),
    );
    await pool.stop();
    await app.close();
    return cost.cpu;
  };

/**
 * A worker with such a pool, its broker and its results in memory, from a full queue to an empty one.
 * @param {(typeof POOLS)[number]} setup
 */
const wholeWorker =
  ({ kind, size }) =>
  async () => {
    const { app, add: task } = benchApp({
      brokerUrl: "memory://",
      resultBackend: "memory://",
      workerPrefetchMultiplier: Math.ceil(200 / size),
    });
    const fill = (/** @type {string} */ queue, /** @type {number} */ count) =>
      Promise.all(Array.from({ length: count }, () => task.applyAsync([2, 3], { queue })));
    await fill("warm-up", WARM_UP);
    await fill("work", TASKS);
    const worker = new Worker({ app, appPath: APP, pool: kind, concurrency: size, queues: ["warm-up"] });
    await worker.start();
    const { ledger, consumer, executor, pool } = worker.parts;
    const processed = async (/** @type {number} */ count) => {
      while (ledger.processed < count) await sleep(5);
      await executor.settled();
    };
    await processed(WARM_UP);
    const drain = async () => {
      await consumer.add(app.router.queue("work"));
      await processed(WARM_UP + TASKS);
    };
    const cost = await costOf(TASKS, drain, () => childPids(pool));
    await worker.stop();
    await app.close();
    return cost.cpu;
  };

/**
 * The channel alone: as many children as the pool has, each asked again when it has answered.
 * @param {() => Promise<import("./support/echo-pool.mjs").Echo>} open
 */
const channel = (open) => async () => {
  const children = await Promise.all(Array.from({ length: CHILDREN }, open));
  const ask = async (/** @type {number} */ count) => {
    let run = 0;
    const asker = async (/** @type {import("./support/echo-pool.mjs").Echo} */ child) => {
      while (run < count) await child.ask({ kind: "run", run: ++run, request: requestOf(randomUUID()) });
    };
    await Promise.all(children.map(asker));
  };
  await ask(WARM_UP);
  const cost = await costOf(
    TASKS,
    () => ask(TASKS),
    () => children.flatMap(({ pids }) => pids),
  );
  await Promise.all(children.map((child) => child.stop()));
  return cost.cpu;
};

/** The function itself, awaited. */
async function directCall() {
  let sum = 0;
  const cost = await costOf(TASKS, async () => {
    for (let call = 0; call < TASKS; call++) sum += await add(2, 3);
  });
  if (sum !== 5 * TASKS) throw new Error("add(2, 3) is not 5");
  return cost.cpu;
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

/** @type {Record<string, () => Promise<number>>} */
const contestants = {
  direct: directCall,
  "processes channel": channel(echoProcess),
  "threads channel": channel(echoThread),
};
for (const setup of POOLS) {
  contestants[`${setup.kind} alone`] = poolAlone(setup);
  contestants[`${setup.kind} in a worker`] = wholeWorker(setup);
}
const figures = await interleaved(contestants);
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
