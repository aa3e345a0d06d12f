/**
 * Does the console keep up with 5,000 events a second? Events of tasks as our workers send them go through a real broker to a console in a
 * process of its own, which merges them into its store. Budgets: lag within 2 s, memory within 400 MB, nothing dropped, for ten minutes.
 *
 *   node bench/console-ingest.mjs            30 s
 *   node bench/console-ingest.mjs 600        ten minutes
 *
 * Redis when LOVAGE_TEST_REDIS names one, else SQLite as the broker; the store is a file of SQLite.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Lovage } from "lovage";
import { encodeBody } from "lovage/internal";
import { ITERATIONS, inFolder, quantile } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";

const RATE = Number(process.env.BENCH_RATE) || 5000;
const SECONDS = Number(process.argv[2]) || (ITERATIONS === 1 ? 3 : 30);
/** Events in one message, as workers that are busy send them. */
const BATCH = 50;
/** Events of one task. */
const OF_A_TASK = 4;
const LAG_LIMIT = 2;
const MEMORY_LIMIT_MB = 400;

const redis = process.env.LOVAGE_TEST_REDIS;
announce("console-ingest: does the console keep up with events?", [
  `${RATE} events a second for ${SECONDS} s, ${OF_A_TASK} a task, over ${redis ? "Redis" : "SQLite"}`,
]);

/**
 * What becomes of one task: sent, received, started, succeeded.
 * @param {number} number
 */
function eventsOf(number) {
  const uuid = randomUUID();
  const name = `shop.task${number % 40}`;
  const worker = `w${number % 8}@bench`;
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

await inFolder(async (folder) => {
  const brokerUrl = redis
    ? `${redis}?global_keyprefix=bench-${randomUUID()}:`
    : `sqlite://${join(folder, "broker.db")}`;
  const listener = fork(fileURLToPath(new URL("support/console-listener.mjs", import.meta.url)), [
    brokerUrl,
    `sqlite:${join(folder, "console.db")}`,
  ]);
  /** @type {{ written: number, lags: number[], dropped: number, waiting: number, gaps: number, memory: number, cpu: number }[]} */
  const told = [];
  await once(listener, "message");
  listener.on("message", (/** @type {typeof told[number]} */ message) => told.push(message));
  const app = new Lovage("bench-sender", { brokerUrl });
  const broker = await app.direct.broker();
  let sent = 0;
  let clock = 0;
  /** @type {object[]} */
  let pending = [];
  const startedMs = performance.now();
  /** Those of one task are some hundreds of others apart, as they are in life. */
  /** @type {object[][]} */
  const running = [];
  const next = () => {
    if (running.length < 400) running.push(eventsOf(sent));
    const task = running[Math.floor(Math.random() * running.length)] ?? [];
    const event = task.shift();
    if (task.length === 0) running.splice(running.indexOf(task), 1);
    clock += 1;
    return { ...event, timestamp: Date.now() / 1000, utcoffset: 0, pid: 1, clock };
  };
  while (performance.now() - startedMs < SECONDS * 1000) {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * RATE);
    while (sent < due) {
      pending.push(next());
      sent += 1;
      if (pending.length < BATCH) continue;
      const { body, contentType, contentEncoding } = encodeBody(pending, { typedValues: false });
      pending = [];
      await broker.broadcast.publish("events", "task.multi", {
        headers: { hostname: "w@bench" },
        properties: {},
        body,
        contentType,
        contentEncoding,
      });
    }
    await wait(2);
  }
  sent -= pending.length;
  const tookMs = performance.now() - startedMs;
  const deadline = performance.now() + 60_000;
  while ((told.at(-1)?.written ?? 0) < sent && performance.now() < deadline) await wait(100);
  const behindMs = performance.now() - startedMs - tookMs;
  const exited = once(listener, "exit");
  listener.send("end");
  await exited;
  await app.close();
  const last = told.at(-1);
  const lags = told.flatMap((each) => each.lags);
  table(
    ["", "figure"],
    [
      ["events sent", sent],
      ["a second", Math.round((sent / tookMs) * 1000)],
      ["events merged and written", last?.written],
      ["lag p50 (s)", quantile(lags).toFixed(2)],
      ["lag p95 (s)", { figure: quantile(lags, 0.95), atMost: LAG_LIMIT }],
      ["lag p99 (s)", quantile(lags, 0.99).toFixed(2)],
      ["behind at the end (s)", (behindMs / 1000).toFixed(2)],
      ["dropped", { figure: last?.dropped ?? Number.NaN, atMost: 0 }],
      ["gaps", last?.gaps],
      [
        "console memory (MB), most",
        { figure: Math.max(...told.map(({ memory }) => memory)) / 1024 ** 2, atMost: MEMORY_LIMIT_MB },
      ],
      ["console CPU (µs an event)", ((last?.cpu ?? 0) / sent).toFixed(0)],
    ],
  );
});
