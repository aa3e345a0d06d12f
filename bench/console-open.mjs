/**
 * What do fifty open consoles add to the broker's load? One console serves them all: workers and queues are asked once for everybody. Budget:
 * 10 % on top of what the broker has to do for one. On Redis and RabbitMQ, where LOVAGE_TEST_REDIS, LOVAGE_TEST_AMQP and
 * LOVAGE_TEST_AMQP_MANAGEMENT name them.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { meteredRabbit, meteredRedis } from "./support/broker-meter.mjs";
import { cpuOf, ITERATIONS, inFolder, quantile } from "./support/measure.mjs";
import { openPages } from "./support/open-pages.mjs";
import { announce, table } from "./support/report.mjs";
import { startConsole, startWorker } from "./support/start-process.mjs";
import { benchApp } from "./tasks.mjs";

const ONCE = ITERATIONS === 1;
const MANY = 50;
/** Tasks a second: something happens, and little beside which much would not be seen. */
const TASKS = 10;
/** Several of the console's rounds of inspection, which are 5 s apart. */
const SECONDS = ONCE ? 2 : 20;
const ROUNDS = Math.min(3, ITERATIONS);

announce("console-open: what do fifty open consoles add to the broker's load?", [
  `1 and ${MANY} open pages by turns, ${SECONDS} s each; one worker, ${TASKS} tasks a second; worker and console counted, the sender not`,
]);

const { LOVAGE_TEST_REDIS: redis, LOVAGE_TEST_AMQP: amqp, LOVAGE_TEST_AMQP_MANAGEMENT: management } = process.env;
/** @type {Awaited<ReturnType<typeof measure>>[]} */
const rows = [];
if (redis) rows.push(await measure("Redis", redis, () => meteredRedis(redis)));
if (amqp && management) rows.push(await measure("RabbitMQ", amqp, () => meteredRabbit(amqp, management)));
if (rows.length < 2)
  console.log("  left out: what LOVAGE_TEST_REDIS, LOVAGE_TEST_AMQP and LOVAGE_TEST_AMQP_MANAGEMENT do not name");
if (rows.length > 0)
  table(
    [
      "broker",
      "commands/s, 1",
      "50",
      "50 : 1",
      "kB/s, 1",
      "50",
      "50 : 1",
      "as the server counts",
      "console CPU %, 1",
      "50",
      "refused",
    ],
    rows.flat(),
  );

/**
 * @param {string} name
 * @param {string} server past the meter, for the sender
 * @param {() => Promise<import("./support/broker-meter.mjs").BrokerMeter>} openMeter
 */
async function measure(name, server, openMeter) {
  return await inFolder(async (folder) => {
    const meter = await openMeter();
    const direct = new URL(meter.url);
    direct.host = new URL(server).host;
    const { app, addWithoutResult } = benchApp({ brokerUrl: direct.href });
    const worker = await startWorker(meter.url, "memory:");
    const running = await startConsole(meter.url, `sqlite:${join(folder, "console.db")}`);
    const sending = new AbortController();
    const sent = sendOnAndOn(addWithoutResult, sending.signal);
    try {
      /** @type {{ one: Window[], many: Window[] }} */
      const windows = { one: [], many: [] };
      for (let round = 0; round < ROUNDS; round++) {
        windows.one.push(await watched(1, { url: running.url, pid: running.pid, meter }));
        windows.many.push(await watched(MANY, { url: running.url, pid: running.pid, meter }));
      }
      return [rowOf(name, windows)];
    } finally {
      sending.abort();
      await sent;
      await running.stop();
      await worker.stop();
      await app.close();
      await meter.close();
    }
  });
}

/** @param {ReturnType<typeof benchApp>["addWithoutResult"]} task @param {AbortSignal} signal */
async function sendOnAndOn(task, signal) {
  while (!signal.aborted) {
    await task.delay(2, 3);
    await sleep(1000 / TASKS, undefined, { signal }).catch(() => undefined);
  }
}

/** @typedef {{ commands: number, bytes: number, told: number, cpu: number, refused: number }} Window all a second, but `refused` */

/**
 * What the broker has to do while so many pages are open, from when they stand.
 * @param {number} pages
 * @param {{ url: string, pid: number, meter: import("./support/broker-meter.mjs").BrokerMeter }} subject
 * @returns {Promise<Window>}
 */
async function watched(pages, { url, pid, meter }) {
  const open = openPages(url, pages);
  await sleep(ONCE ? 500 : 5_000);
  const before = { ...(await meter.read()), cpu: cpuOf([pid]) };
  const started = performance.now();
  await sleep(SECONDS * 1000);
  const after = { ...(await meter.read()), cpu: cpuOf([pid]) };
  const seconds = (performance.now() - started) / 1000;
  await open.close();
  return {
    refused: open.refused,
    commands: (after.commands - before.commands) / seconds,
    bytes: (after.bytes - before.bytes) / seconds,
    told: (after.told - before.told) / seconds,
    cpu: (after.cpu - before.cpu) / seconds,
  };
}

/** @param {string} name @param {{ one: Window[], many: Window[] }} windows */
function rowOf(name, { one, many }) {
  const median = (/** @type {Window[]} */ all, /** @type {keyof Window} */ of) => quantile(all.map((each) => each[of]));
  const ratio = (/** @type {keyof Window} */ of) => median(many, of) / median(one, of);
  return [
    name,
    median(one, "commands"),
    median(many, "commands"),
    { figure: ratio("commands"), atMost: 1.1 },
    median(one, "bytes") / 1000,
    median(many, "bytes") / 1000,
    { figure: ratio("bytes"), atMost: 1.1 },
    ratio("told"),
    median(one, "cpu") * 100,
    median(many, "cpu") * 100,
    many.reduce((sum, { refused }) => sum + refused, 0),
  ];
}
