/**
 * Does the console keep up with 5,000 events a second? Events of tasks as our workers send them go through a real broker to a whole console in
 * a process of its own, which merges them into its store. Budgets: lag within 2 s, memory within 400 MB, nothing dropped, for ten minutes.
 *
 *   node bench/console-ingest.mjs            30 s
 *   node bench/console-ingest.mjs 600        ten minutes
 *
 * Redis when LOVAGE_TEST_REDIS names one, else SQLite as the broker; the store is a file of SQLite.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Lovage } from "lovage";
import { ITERATIONS, inFolder, quantile } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { startConsole } from "./support/start-process.mjs";
import { EVENTS_OF_A_TASK, sendTaskEvents } from "./support/task-events.mjs";

const RATE = Number(process.env.BENCH_RATE) || 5000;
const SECONDS = Number(process.argv[2]) || (ITERATIONS === 1 ? 3 : 30);
/** Milliseconds that it is given at the end to write what waits. */
const PATIENCE_MS = 60_000;
const LAG_LIMIT = 2;
const MEMORY_LIMIT_MB = 400;
const MB = 1024 ** 2;

const redis = process.env.LOVAGE_TEST_REDIS;
announce("console-ingest: does the console keep up with events?", [
  `${RATE} events a second for ${SECONDS} s, ${EVENTS_OF_A_TASK} a task, over ${redis ? "Redis" : "SQLite"}`,
]);

await inFolder(async (folder) => {
  const brokerUrl = redis
    ? `${redis}?global_keyprefix=bench-${randomUUID()}:`
    : `sqlite://${join(folder, "broker.db")}`;
  const running = await startConsole(brokerUrl, `sqlite:${join(folder, "console.db")}`);
  const app = new Lovage("bench-sender", { brokerUrl });
  try {
    const { sent, tookMs } = await sendTaskEvents(app, { rate: RATE, seconds: SECONDS });
    const endedMs = performance.now();
    while ((running.told.at(-1)?.written ?? 0) < sent && performance.now() - endedMs < PATIENCE_MS) await wait(100);
    const behindMs = performance.now() - endedMs;
    await running.stop();
    report(running.told, { sent, tookMs, behindMs });
  } finally {
    await running.stop();
    await app.close();
  }
});

/**
 * @param {readonly import("./support/console-process.mjs").ConsoleFigures[]} told
 * @param {{ sent: number, tookMs: number, behindMs: number }} run
 */
function report(told, { sent, tookMs, behindMs }) {
  const last = told.at(-1);
  const lags = told.flatMap((each) => each.lags);
  const memory = told.map((each) => each.memory.rss / MB);
  const quarters = [1, 2, 3, 4].map((quarter) => memory.slice(0, Math.ceil((memory.length * quarter) / 4)));
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
      ["console memory (MB), most", { figure: Math.max(...memory), atMost: MEMORY_LIMIT_MB }],
      ["most of each quarter of the time", quarters.map((upTo) => Math.max(...upTo).toFixed(0)).join(" ")],
      ["of it in JavaScript, at the end", ((last?.memory.heapUsed ?? Number.NaN) / MB).toFixed(0)],
      ["and in buffers", ((last?.memory.arrayBuffers ?? Number.NaN) / MB).toFixed(0)],
      ["console CPU (µs an event)", (((last?.cpu ?? 0) / sent) * 1e6).toFixed(0)],
    ],
  );
}
