import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { encodeBody } from "lovage/internal";

/** Events of one task. */
export const EVENTS_OF_A_TASK = 4;
/** Events in one message at most, as workers that are busy send them. */
const BATCH = 50;
/** Milliseconds that events are gathered for. */
const GATHER_MS = 50;
/** Those of one task are as many others apart, in seconds of the stream, as they are in life. */
const TASK_SECONDS = 0.3;
/** Seconds between two heartbeats of a worker. */
const HEARTBEAT = 2;
const WORKERS = Array.from({ length: 8 }, (_, number) => `w${number}@bench`);

/**
 * What becomes of one task: sent, received, started, succeeded.
 * @param {number} number
 */
function eventsOf(number) {
  const uuid = randomUUID();
  const name = `shop.task${number % 40}`;
  const worker = WORKERS[number % WORKERS.length];
  const common = {
    uuid,
    name,
    args: `('https://shop.example/${number}', ${number})`,
    kwargs: "{'size': 'large', 'retry': True}",
  };
  const family = { ...common, root_id: uuid, parent_id: null, retries: 0, eta: null, expires: null };
  const lovage = {
    args: [`https://shop.example/${number}`, number],
    kwargs: { size: "large", retry: true },
    queue: "images",
    size: 240,
  };
  return [
    {
      ...family,
      type: "task-sent",
      hostname: "gen1@bench",
      queue: "images",
      exchange: "",
      routing_key: "images",
      lovage,
    },
    { ...family, type: "task-received", hostname: worker, lovage: { ...lovage, deliveries: 1 } },
    { type: "task-started", uuid, hostname: worker, lovage: { pid: 1, deliveries: 1 } },
    { type: "task-succeeded", uuid, hostname: worker, result: "'done'", runtime: 0.25, lovage: { result: "done" } },
  ];
}

/**
 * Sends events of tasks as busy workers send them, at a steady rate, with the workers' heartbeats between them.
 * @param {import("lovage").Lovage} app
 * @param {{ rate: number, seconds: number, signal?: AbortSignal }} options `rate`: events of tasks a second; ends early when the signal aborts
 * @returns {Promise<{ sent: number, tookMs: number }>} events of tasks that were sent
 */
export async function sendTaskEvents(app, { rate, seconds, signal }) {
  const broker = await app.direct.broker();
  const atOnce = Math.ceil((rate * TASK_SECONDS) / EVENTS_OF_A_TASK);
  /** @type {object[][]} */
  const running = [];
  let begun = 0;
  let clock = 0;
  const stamped = (/** @type {object} */ event) => {
    clock += 1;
    return { ...event, timestamp: Date.now() / 1000, utcoffset: 0, pid: 1, clock };
  };
  const next = () => {
    if (running.length < atOnce) running.push(eventsOf(begun++));
    const task = running[Math.floor(Math.random() * running.length)] ?? [];
    const event = task.shift() ?? {};
    if (task.length === 0) running.splice(running.indexOf(task), 1);
    return stamped(event);
  };
  const publish = (/** @type {string} */ key, /** @type {object | object[]} */ events) => {
    const { body, contentType, contentEncoding } = encodeBody(events, { typedValues: false });
    const message = { headers: { hostname: "w@bench" }, properties: {}, body, contentType, contentEncoding };
    return broker.broadcast.publish("events", key, message);
  };
  const beat = () =>
    Promise.all(
      WORKERS.map((hostname) => {
        const figures = {
          freq: HEARTBEAT,
          sw_ident: "bench",
          sw_ver: "1",
          sw_sys: "Linux",
          active: 4,
          processed: begun,
        };
        return publish("worker.heartbeat", stamped({ type: "worker-heartbeat", hostname, ...figures }));
      }),
    );
  let sent = 0;
  /** @type {object[]} */
  let pending = [];
  const startedMs = performance.now();
  let beatMs = Number.NEGATIVE_INFINITY;
  let flushMs = startedMs;
  const flush = async () => {
    const events = pending;
    pending = [];
    flushMs = performance.now();
    if (events.length > 0) await publish("task.multi", events);
  };
  while (performance.now() - startedMs < seconds * 1000 && !signal?.aborted) {
    if (performance.now() - beatMs >= HEARTBEAT * 1000) {
      beatMs = performance.now();
      await beat();
    }
    const due = Math.floor(((performance.now() - startedMs) / 1000) * rate);
    while (sent < due) {
      pending.push(next());
      sent += 1;
      if (pending.length >= BATCH) await flush();
    }
    if (performance.now() - flushMs >= GATHER_MS) await flush();
    await wait(2);
  }
  await flush();
  return { sent, tookMs: performance.now() - startedMs };
}
