import { randomUUID } from "node:crypto";
import { silentLogger } from "lovage";
import { openDatabase } from "../../packages/console/dist/server/store/open-database.js";
import { SqlTaskStore } from "../../packages/console/dist/server/store/sql-task-store.js";
import { emptyRecord } from "../../packages/console/dist/server/store/task-record.js";

/** Records in one transaction. */
const BATCH = 2_000;
/** Milliseconds between two tasks. */
export const APART_MS = 10;
export const TASK_NAMES = ["resize_image", "send_mail", "scrape_page", "monthly_report", "charge_card", "reindex"].map(
  (name) => `shop.tasks.${name}`,
);
/** Steps of a task: sent, received, started, ended. */
const STEPS = [0, 1, 2, 3];

/** @typedef {import("../../packages/console/dist/server/store/task-record.js").TaskRecord} TaskRecord */

/** @param {number} below */
const random = (below) => Math.floor(Math.random() * below);

/**
 * Runs `work` with the tasks of a console's store, which is made when it is not there.
 * @template T
 * @param {string} url
 * @param {(tasks: SqlTaskStore, database: ReturnType<typeof openDatabase>) => Promise<T>} work
 */
export async function inTaskStore(url, work) {
  const database = openDatabase(url, { logger: silentLogger });
  await database.open();
  try {
    const tasks = new SqlTaskStore({ database });
    await tasks.open();
    return await work(tasks, database);
  } finally {
    await database.close();
  }
}

/**
 * Writes tasks of about 1 KB that have ended, with their events, 10 ms apart, the last of them now: through the store's own door, each
 * once. What writing costs while tasks live is measured by `writeLiving`.
 * @param {SqlTaskStore} store
 * @param {number} count
 * @param {readonly string[]} names of the tasks
 */
export async function fillStore(store, count, names = TASK_NAMES) {
  const startMs = Date.now() - count * APART_MS;
  for (let at = 0; at < count; at += BATCH) {
    const steps = Array.from({ length: Math.min(BATCH, count - at) }, (_, more) => lifeOf(at + more, startMs, names));
    const records = steps.flatMap((life) => life.at(-1) ?? []);
    await store.put({ records, events: steps.flat().map(eventOf), logs: [] });
  }
}

/**
 * Writes tasks as ingestion does, in each of their states: batches of five hundred records, of which a quarter are new.
 * @param {SqlTaskStore} store
 * @param {number} count
 * @returns {Promise<number>} records written, which are as many as events
 */
export async function writeLiving(store, count) {
  const startMs = Date.now();
  const atOnce = 125;
  let written = 0;
  /** @type {TaskRecord[][]} */
  let living = [];
  for (let at = 0; at < count || living.length > 0; ) {
    for (let begun = 0; begun < atOnce && at < count; begun++) living.push(lifeOf(at++, startMs));
    const records = living.flatMap((life) => life.shift() ?? []);
    await store.put({ records, events: records.map(eventOf), logs: [] });
    written += records.length;
    living = living.filter((life) => life.length > 0);
  }
  return written;
}

/**
 * One task's record after each of its events.
 * @param {number} at
 * @param {number} startMs
 * @param {readonly string[]} names
 * @returns {TaskRecord[]}
 */
function lifeOf(at, startMs, names = TASK_NAMES) {
  /** @type {TaskRecord[]} */
  const life = [];
  for (const step of STEPS) {
    const last = life.at(-1);
    life.push(last ? next(last, step) : sent(at, startMs + at * APART_MS, names));
  }
  return life;
}

/** @param {number} at @param {number} firstMs @param {readonly string[]} names */
function sent(at, firstMs, names) {
  const id = randomUUID();
  const args = `['https://shop.example/${randomUUID()}/image-${random(1e6)}.jpg', ${random(1000)}]`;
  const kwargs = `{'customer': ${random(1e6)}, 'mail': 'user${random(1e5)}@shop.example', 'size': 'large'}`;
  return {
    ...emptyRecord(id, firstMs),
    name: names[random(names.length)] ?? null,
    args,
    kwargs,
    argsJson: args.replaceAll("'", '"'),
    kwargsJson: kwargs.replaceAll("'", '"'),
    argsSource: "event",
    client: "gen1@web-7",
    queue: at === 77 ? "rare" : `queue-${random(8)}`,
    routingKey: "celery",
    sentMs: firstMs,
    rootId: id,
    job: at % 1000 === 0 ? "scrape" : null,
    runId: at % 1000 === 0 ? id : null,
  };
}

/** @param {TaskRecord} record @param {number} step @returns {TaskRecord} */
function next(record, step) {
  const base = { ...record, version: step, updatedMs: record.firstMs + step * 20, clock: step };
  if (step === 1)
    return { ...base, state: "RECEIVED", receivedMs: record.firstMs + 20, worker: `celery@worker-${random(10)}` };
  if (step === 2) return { ...base, state: "STARTED", startedMs: record.firstMs + 40, slot: "3" };
  const ended = { ...base, finishedMs: record.firstMs + 60 + random(500), runtime: random(3000) / 1000 };
  if (random(50) > 0)
    return { ...ended, state: "SUCCESS", result: `{'ok': True, 'bytes': ${random(1e6)}}`, resultJson: '{"ok":true}' };
  return {
    ...ended,
    state: "FAILURE",
    error: `ValueError('no customer ${random(1e6)}')`,
    traceback: "Traceback (most recent call last):\n".repeat(10),
    fingerprint: `f${random(20)}`,
  };
}

/** @param {TaskRecord} record */
function eventOf(record) {
  return {
    taskId: record.id,
    type: "task-event",
    atMs: record.updatedMs,
    worker: "celery@worker-1",
    clock: record.clock,
    attempt: 1,
    fieldsJson: '{"pid":17}',
  };
}
