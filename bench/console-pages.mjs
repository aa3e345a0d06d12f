/**
 * How do the console's pages feel? In a real Chromium, over a store of 100,000 tasks: how soon can a first page be used, how soon does an event
 * show, and do frames stay short while 200 updates come in a second. Needs LOVAGE_TEST_CHROMIUM. Redis when LOVAGE_TEST_REDIS names one,
 * else SQLite as the broker; console, worker and browser are processes of their own.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { framesDuring, inColdBrowser, noted, turnsDuring, usableAfter } from "./support/chromium.mjs";
import { ITERATIONS, inFolder, quantile } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { startConsole, startWorker } from "./support/start-process.mjs";
import { sendTaskEvents } from "./support/task-events.mjs";
import { fillStore, inTaskStore } from "./support/task-records.mjs";
import { benchApp } from "./tasks.mjs";

const ONCE = ITERATIONS === 1;
const RECORDS = Number(process.env.BENCH_RECORDS) || (ONCE ? 2_000 : 100_000);
const UPDATES = Number(process.env.BENCH_RATE) || 200;
const WATCHED_SECONDS = ONCE ? 1 : 20;
/** Tasks whose row, and whose part in a tile, is waited for. All of the latter within the minute that the tile counts. */
const ROWS = ONCE ? 2 : 40;
const TILES = ONCE ? 1 : 16;
const SCRIPT_LIMIT_KB = 300;
const FRAME_MS = 100;
/** What must be seen of a page before it can be used. */
const CONTENT = { "": ".lv-tiles", tasks: "tr[data-row]" };
const NAMES = { "": "overview", tasks: "tasks" };

const executablePath = process.env.LOVAGE_TEST_CHROMIUM;
const redis = process.env.LOVAGE_TEST_REDIS;
announce("console-pages: how soon can pages be used, how soon do events show, and do frames stay short?", [
  `${RECORDS.toLocaleString("en-US")} tasks in the store, over ${redis ? "Redis" : "SQLite"}; ${UPDATES} events a second for ${WATCHED_SECONDS} s`,
]);

if (executablePath) await inFolder((folder) => measure(folder, executablePath));
else console.log("  left out: LOVAGE_TEST_CHROMIUM names no browser");

/** @param {string} folder @param {string} chromium */
async function measure(folder, chromium) {
  const store = `sqlite:${join(folder, "console.db")}`;
  await inTaskStore(store, (tasks) => fillStore(tasks, RECORDS));
  const brokerUrl = redis
    ? `${redis}?global_keyprefix=bench-${randomUUID()}:`
    : `sqlite://${join(folder, "broker.db")}`;
  const running = await startConsole(brokerUrl, store);
  const { app, add } = benchApp({ brokerUrl, resultBackend: brokerUrl });
  try {
    const at = (/** @type {string} */ path) => new URL(path, running.url).href;
    await measureFirstPages(chromium, at);
    const worker = await startWorker(brokerUrl);
    try {
      await measureEvents(chromium, at, () => add.delay(2, 3));
    } finally {
      await worker.stop();
    }
    await measureFrames(chromium, at, () => sendTaskEvents(app, { rate: UPDATES, seconds: WATCHED_SECONDS }));
  } finally {
    await running.stop();
    await app.close();
  }
}

/** @typedef {(path: string) => string} Address */

/**
 * Each in a browser that has never seen the console.
 * @param {string} chromium @param {Address} at
 */
async function measureFirstPages(chromium, at) {
  const rows = [];
  for (const path of /** @type {const} */ (["", "tasks"])) {
    /** @type {number[]} */
    const times = [];
    /** @type {number[]} */
    const work = [];
    let scripts = { count: 0, bytes: 0 };
    for (let round = 0; round < ITERATIONS; round++) {
      await inColdBrowser(chromium, async (browser) => {
        const page = await browser.newPage();
        /** @type {Promise<Buffer>[]} */
        const bodies = [];
        page.on("response", (response) => {
          if (response.request().resourceType() === "script") bodies.push(response.body());
        });
        const turns = await turnsDuring(page, async () => {
          times.push(await usableAfter(page, at(path), CONTENT[path]));
        });
        work.push(turns.reduce((sum, turn) => sum + turn, 0));
        const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
        scripts = { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
      });
    }
    const script = { figure: scripts.bytes / 1000, atMost: SCRIPT_LIMIT_KB, unit: " kB" };
    const most = { figure: Math.max(...times), atMost: 1_500, unit: " ms" };
    rows.push([NAMES[path], quantile(times), most, quantile(work), script, scripts.count]);
  }
  table(["first page, browser cold", "usable p50 ms", "most", "page CPU ms", "its scripts, gzip", "files"], rows);
}

/**
 * From the instant that an event tells to its being seen: the clock is the machine's own for worker, console and browser.
 * @param {string} chromium @param {Address} at @param {() => Promise<{ id: string }>} send
 */
async function measureEvents(chromium, at, send) {
  const { tiles, sent, ended } = await inColdBrowser(chromium, async (browser) => {
    const overview = await browser.newPage();
    const tiles = await measureTiles(overview, at, send);
    await overview.close();
    const tasks = await browser.newPage();
    return { tiles, ...(await measureRows(tasks, at, send)) };
  });
  const seconds = (/** @type {readonly number[]} */ all, /** @type {number} */ atMost) => [
    quantile(all),
    { figure: quantile(all, 0.95), atMost, unit: " s" },
    all.length,
  ];
  table(
    ["event to visible", "p50 s", "p95", "tasks"],
    [
      ["sent: a new row", ...seconds(sent, 1)],
      ["succeeded: the row's state", ...seconds(ended, 1)],
      // Made once a second for all who look.
      ["succeeded: the overview's tile", ...seconds(tiles, 2)],
    ],
  );
}

/** @param {import("playwright-core").Page} page @param {Address} at @param {() => Promise<{ id: string }>} send */
async function measureTiles(page, at, send) {
  await usableAfter(page, at(""), CONTENT[""]);
  const tile =
    "[...document.querySelectorAll('.lv-tile')].find((each) => each.textContent.includes('Finished a minute'))";
  const count = `Number(${tile}?.querySelector('.lv-tile-value')?.firstChild?.textContent)`;
  await page.evaluate(`lovageWatch.look = () => [${count}]`);
  await sleep(1_000);
  const lates = [];
  for (let number = 1; number <= TILES; number++) {
    const { id } = await send();
    const seen = Number(await noted(page, `lovageWatch.seen[${number}]`));
    const { finished } = await timesOf(at, id);
    lates.push((seen - finished) / 1000);
    // At any moment of the second in which the tiles are made.
    await sleep(500 + Math.random() * 1_000);
  }
  return lates;
}

/** @param {import("playwright-core").Page} page @param {Address} at @param {() => Promise<{ id: string }>} send */
async function measureRows(page, at, send) {
  await usableAfter(page, at("tasks"), CONTENT.tasks);
  await page.evaluate(`lovageWatch.look = () => [...document.querySelectorAll("tr[data-row]")].flatMap((row) =>
    [row.dataset.row, row.dataset.row + row.querySelector(".lv-badge")?.lastChild?.textContent])`);
  await sleep(1_000);
  const ids = [];
  for (let number = 1; number <= ROWS; number++) {
    ids.push((await send()).id);
    await sleep(Math.random() * 1_000);
  }
  const sent = [];
  const ended = [];
  for (const id of ids) {
    const seenEnded = Number(await noted(page, `lovageWatch.seen["${id}SUCCESS"]`));
    const seenFirst = Number(await noted(page, `lovageWatch.seen["${id}"]`));
    const times = await timesOf(at, id);
    sent.push((seenFirst - times.sent) / 1000);
    ended.push((seenEnded - times.finished) / 1000);
  }
  return { sent, ended };
}

/** When the events of a task say that it was sent, and ended: Unix milliseconds. @param {Address} at @param {string} id */
async function timesOf(at, id) {
  const response = await fetch(at(`api/v1/tasks/${id}`));
  const { sent, finished } = /** @type {{ sent: string, finished: string }} */ (await response.json());
  return { sent: Date.parse(sent), finished: Date.parse(finished) };
}

/**
 * Frames of each page, with nothing to show and with updates coming in.
 * @param {string} chromium @param {Address} at @param {() => Promise<unknown>} sendUpdates
 */
async function measureFrames(chromium, at, sendUpdates) {
  /** @type {ReturnType<typeof frameRow>[]} */
  const rows = [];
  for (const path of /** @type {const} */ (["", "tasks"])) {
    await inColdBrowser(chromium, async (browser) => {
      const page = await browser.newPage();
      await usableAfter(page, at(path), CONTENT[path]);
      await sleep(ONCE ? 200 : 3_000);
      const quiet = await framesDuring(page, () => sleep((WATCHED_SECONDS * 1000) / 4));
      rows.push(frameRow(`${NAMES[path]}, quiet`, quiet, WATCHED_SECONDS / 4));
      const busy = await framesDuring(page, sendUpdates);
      rows.push(frameRow(`${NAMES[path]}, ${UPDATES} updates/s`, busy, WATCHED_SECONDS));
    });
  }
  table(["frames", "a second", "most work at once, CPU", "longest frame", "gaps > 100 ms", "page CPU %"], rows);
}

/**
 * What the page does at once holds up its frames, and is what it answers for: that is in CPU. The frames themselves are longer, and fewer, when
 * the machine is busy with something else.
 * @param {string} name @param {import("./support/chromium.mjs").Frames & { turns: number[] }} noticed @param {number} seconds
 */
function frameRow(name, { gaps, frames, turns }, seconds) {
  const longest = Math.max(0, ...frames.map(({ duration }) => duration));
  return [
    name,
    gaps.length / seconds,
    { figure: Math.max(0, ...turns), atMost: FRAME_MS, unit: " ms" },
    // The browser tells of those from 50 ms.
    longest === 0 ? "< 50 ms" : { figure: longest, atMost: FRAME_MS, unit: " ms" },
    gaps.filter((gap) => gap > FRAME_MS).length,
    turns.reduce((sum, turn) => sum + turn, 0) / 10 / seconds,
  ];
}
