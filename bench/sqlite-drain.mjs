/**
 * How fast does a worker empty a queue in SQLite, by pool, with results and without?
 * Beside it the raw client: claim, result row and acknowledgement of the same rows, 200 a commit.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "lovage/worker";
import { costOf, inFolder, interleaved, sized } from "./support/measure.mjs";
import { BATCH, drainRaw, enqueueRaw, openRaw, takeEnvelope } from "./support/raw-sqlite.mjs";
import { AGAINST_RAW, againstRaw, announce, table } from "./support/report.mjs";
import { benchApp } from "./tasks.mjs";

const TASKS = sized(10_000);
const WARM_UP = 1000;
/** As many messages are held as share a commit of the raw client, for all pools alike; a worker for such short tasks is set up so. */
const HELD = 200;
const APP = fileURLToPath(new URL("./tasks.mjs", import.meta.url));

/** @typedef {{ kind: import("lovage/worker").PoolKind, concurrency: number, held: number }} PoolSetup */
/** @type {Readonly<Record<string, PoolSetup>>} */
const POOLS = {
  "async, 100 at a time": { kind: "async", concurrency: 100, held: HELD },
  "threads, 2": { kind: "threads", concurrency: 2, held: HELD },
  "processes, 2": { kind: "processes", concurrency: 2, held: HELD },
  "processes, 2, as it comes (8 held)": { kind: "processes", concurrency: 2, held: 8 },
};

announce("sqlite-drain: how fast does a worker empty a queue?", [
  `${TASKS} tasks that do nothing, up to ${HELD} held at a time, synchronous=FULL; raw: ${BATCH} rows a commit`,
  "tasks a second and microseconds of CPU a task, children included, and the shares of raw that is",
]);

/**
 * @param {PoolSetup} pool
 * @param {boolean} results
 */
const lovage = (pool, results) => () =>
  inFolder(async (folder) => {
    const { path, queues } = await filledFile(folder, results);
    const { app } = benchApp({
      brokerUrl: `sqlite:${path}`,
      resultBackend: `sqlite:${path}`,
      workerPrefetchMultiplier: pool.held / pool.concurrency,
    });
    const worker = new Worker({
      app,
      appPath: APP,
      pool: pool.kind,
      concurrency: pool.concurrency,
      queues: [queues.warmUp],
    });
    await worker.start();
    await emptied(worker, queues.warmUp, WARM_UP);
    const work = async () => {
      await worker.parts.consumer.add(app.router.queue(queues.work));
      await emptied(worker, queues.work, WARM_UP + TASKS);
    };
    const cost = await costOf(TASKS, work, () => childPids(worker));
    await worker.stop();
    await app.close();
    return cost;
  });

/** @param {boolean} results */
const raw = (results) => () =>
  inFolder(async (folder) => {
    const { path, queues, ids, result } = await filledFile(folder, results);
    const client = await openRaw(path, "FULL");
    await drainRaw(client, { queue: queues.warmUp, result, ids: ids.warmUp });
    const cost = await costOf(TASKS, () => drainRaw(client, { queue: queues.work, result, ids: ids.work }));
    client.sql.close();
    return cost;
  });

/**
 * A file with two filled queues.
 * @param {string} folder
 * @param {boolean} results whether the tasks keep theirs
 */
async function filledFile(folder, results) {
  const path = join(folder, "bench.db");
  const { app, add, addWithoutResult } = benchApp({ brokerUrl: `sqlite:${path}`, resultBackend: `sqlite:${path}` });
  const queues = { warmUp: "warm-up", work: "work" };
  const ids = { warmUp: uuids(WARM_UP), work: uuids(TASKS) };
  for (const queue of Object.values(queues)) await (results ? add : addWithoutResult).applyAsync([2, 3], { queue });
  const backend = await app.direct.backend();
  await backend.store(STORED, { fence: 1 });
  const client = await openRaw(path, "NORMAL");
  const envelope = takeEnvelope(client);
  const result = results ? client.sql.prepare("SELECT * FROM result_tasks").get() : undefined;
  const broker = await app.direct.broker();
  for (const queue of Object.values(queues)) await broker.queues.purge(queue);
  await app.close();
  await enqueueRaw(client, envelope, { count: WARM_UP, queue: queues.warmUp, ids: ids.warmUp });
  await enqueueRaw(client, envelope, { count: TASKS, queue: queues.work, ids: ids.work });
  client.sql.close();
  return { path, queues, ids, result };
}

/** What a worker stores of such a task. */
const STORED = /** @type {const} */ ({
  taskId: randomUUID(),
  status: "SUCCESS",
  result: 5,
  traceback: null,
  children: [],
  dateDone: new Date(),
});

/** @param {number} count */
const uuids = (count) => Array.from({ length: count }, () => randomUUID());

/**
 * Resolves when a queue has nothing any more, held messages included.
 * @param {Worker} worker
 * @param {string} queue
 * @param {number} processed how many tasks have ended by then, for a look that costs nothing
 */
async function emptied(worker, queue, processed) {
  const { ledger, broker } = worker.parts;
  while (ledger.processed < processed) await sleep(2);
  for (;;) {
    const counts = await broker.queues.counts(queue);
    if (!counts || counts.ready + counts.unacked === 0) return;
    await sleep(1);
  }
}

/** @param {Worker} worker */
const childPids = (worker) =>
  [...new Set(worker.parts.pool.slots().map(({ pid }) => pid))].filter((pid) => pid !== process.pid);

const rows = [];
for (const results of [true, false]) {
  /** @type {Record<string, () => Promise<import("./support/measure.mjs").Cost>>} */
  const contestants = Object.fromEntries(Object.entries(POOLS).map(([name, pool]) => [name, lovage(pool, results)]));
  contestants.raw = raw(results);
  const figures = await interleaved(contestants);
  for (const name of Object.keys(POOLS))
    rows.push([`${name}, results ${results ? "on" : "off"}`, ...againstRaw(figures[name] ?? [], figures.raw ?? [])]);
}
table(["pool", ...AGAINST_RAW], rows);
