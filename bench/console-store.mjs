/**
 * How fast does the console's store answer with a million tasks in it, and what does writing them cost?
 * SQLite in a folder of its own; PostgreSQL too when LOVAGE_TEST_POSTGRES names a server. Budgets: lists and searches within 300 ms, a
 * task's page within 100 ms (p95), and 5,000 events a second on two cores.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ITERATIONS, inFolder, ownCpu, quantile } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { APART_MS, fillStore, inTaskStore, TASK_NAMES, writeLiving } from "./support/task-records.mjs";

/** @typedef {import("../packages/console/dist/server/store/sql-task-store.js").SqlTaskStore} SqlTaskStore */

const ONCE = ITERATIONS === 1;
const RECORDS = Number(process.env.BENCH_RECORDS) || (ONCE ? 10_000 : 1_000_000);
/** Of them, written last and in each of their states, as ingestion does. */
const LIVING = Math.ceil(RECORDS / 50);
/** Names of tasks where there are many: each of ten tasks. */
const TYPES = ONCE ? 2_000 : 10_000;
const ROUNDS = ONCE ? 3 : 20;

announce("console-store: how fast are lists, searches and pages?", [
  `${RECORDS.toLocaleString("en-US")} tasks of about 1 KB, 2 % failed, one every ${APART_MS} ms; each question ${ROUNDS} times`,
  "ms to the answer, CPU of it (on a busy machine the more telling figure), and the longest that anything else had to wait meanwhile",
]);

const START_MS = Date.now() - RECORDS * APART_MS;

/**
 * @param {string} name
 * @param {number} budgetMs
 * @param {() => Promise<string>} ask says what came
 */
async function timed(name, budgetMs, ask) {
  /** @type {number[]} */
  const times = [];
  let came = "";
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = ownCpu();
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    came = await ask();
    times.push(performance.now() - started);
  }
  const cpuMs = ((ownCpu() - cpu) / ROUNDS) * 1000;
  delay.disable();
  return [
    name,
    quantile(times),
    { figure: quantile(times, 0.95), atMost: budgetMs, unit: " ms" },
    cpuMs,
    delay.max / 1e6,
    came,
  ];
}

/** @param {SqlTaskStore} store */
async function questions(store) {
  const newest = (await store.list({ filter: {}, sort: "-received", limit: 1, cursor: undefined })).records[0];
  const oldest = (await store.list({ filter: {}, sort: "received", limit: 100, cursor: undefined })).records[77];
  if (!newest || !oldest) throw new Error("the store is empty");
  let salt = 0;
  /** @param {Partial<import("../packages/console/dist/server/store/task-store.js").TaskListRequest>} request */
  const list = (request) => async () => {
    // A condition that changes nothing, so that no count is remembered from the last round.
    const q =
      request.filter?.q === undefined ? undefined : `${request.filter.q} received:>1970-01-01T00:00:0${salt++ % 10}`;
    const filter = { ...request.filter, ...(q ? { q } : {}) };
    const page = await store.list({ sort: "-received", limit: 50, cursor: undefined, ...request, filter });
    const cut = page.searchedToMs === undefined ? "" : ", searched in part";
    return `${page.records.length} of ${page.total.exact ? "" : "about "}${page.total.count}${cut}`;
  };
  const rows = [];
  const budget = 300;
  for (const sort of [
    "-received",
    "received",
    "-sent",
    "-started",
    "-finished",
    "-runtime",
    "name",
    "state",
    "-retries",
  ])
    rows.push(await timed(`list by ${sort}`, budget, list({ sort })));
  rows.push(await timed("state FAILURE", budget, list({ filter: { state: "FAILURE" } })));
  rows.push(await timed("states FAILURE,RETRY", budget, list({ filter: { state: "FAILURE,RETRY" } })));
  rows.push(await timed("one name", budget, list({ filter: { name: TASK_NAMES[0] } })));
  rows.push(await timed("a busy queue", budget, list({ filter: { queue: "queue-3" } })));
  rows.push(await timed("a queue of one old task", budget, list({ filter: { queue: "rare" } })));
  rows.push(await timed("a job", budget, list({ filter: { job: "scrape" } })));
  for (const q of [
    "mail",
    "user777@shop",
    "nothing-like-it",
    oldest.id.slice(4, 20),
    `args:"${oldest.args?.slice(25, 45)}"`,
    "kwargs:customer=4711",
    "state:FAILURE customer 99",
    "error:4711",
    "runtime:>2.99",
    "runtime:>50",
    "wait:>60",
    "-name:shop",
    "xq",
  ])
    rows.push(await timed(`search ${q}`, budget, list({ filter: { q } })));
  rows.push(await timed("search mail, by runtime", budget, list({ filter: { q: "mail" }, sort: "-runtime" })));
  rows.push(
    await timed("search nothing, by runtime", budget, list({ filter: { q: "nothing-like-it" }, sort: "-runtime" })),
  );
  const ids = [newest.id, oldest.id];
  rows.push(
    await timed("a task's page", 100, async () => {
      const id = ids[salt++ % 2] ?? "";
      const parts = await Promise.all([
        store.get(id),
        store.events(id),
        store.logs(id, { afterSeq: 0, limit: 200 }),
        store.childrenOf(id, 100),
        store.rerunsOf(id),
        store.family(id, 500),
      ]);
      return `${parts[1].length} events`;
    }),
  );
  const toMs = START_MS + RECORDS * 10;
  rows.push(
    await timed(
      "error groups, all time",
      budget,
      async () => `${(await store.errorGroups({ fromMs: START_MS, toMs })).length} groups`,
    ),
  );
  rows.push(await timed("task types, all time", budget, async () => `${(await store.taskTypes(0)).length} types`));
  rows.push(await timed("state counts", budget, async () => `${Object.keys(await store.stateCounts()).length} states`));
  return rows;
}

/** @param {string} name @param {string} url */
async function measure(name, url) {
  await inTaskStore(url, async (store, database) => {
    try {
      const started = performance.now();
      await fillStore(store, RECORDS - LIVING);
      const filledMs = performance.now() - started;
      const cpu = ownCpu();
      const written = await writeLiving(store, LIVING);
      const cost = ((ownCpu() - cpu) / written) * 1e6;
      const rate = written / ((performance.now() - started - filledMs) / 1000);
      table(
        [`${name}: writing`, "events/s", "CPU us a record written", "MB", "filled before in s"],
        [["", { figure: rate, atLeast: 5_000 }, cost, ((await database.size()) ?? Number.NaN) / 1e6, filledMs / 1000]],
      );
      table([`${name}: reading`, "p50 ms", "p95 ms", "CPU ms", "longest stop ms", "came"], await questions(store));
    } finally {
      if (name === "PostgreSQL")
        await database.write([{ sql: `DROP SCHEMA ${new URL(url).searchParams.get("schema")} CASCADE` }]);
    }
  });
}

/** Programs that make up names have many: each is looked at by itself. @param {string} name @param {string} url */
async function measureTypes(name, url) {
  const names = Array.from({ length: TYPES }, (_, at) => `shop.tasks.made_up_${at.toString().padStart(6, "0")}`);
  await inTaskStore(url, async (store, database) => {
    try {
      await fillStore(store, TYPES * 10, names);
      table(
        [
          `${name}: ${TYPES.toLocaleString("en-US")} task types`,
          "p50 ms",
          "p95 ms",
          "CPU ms",
          "longest stop ms",
          "came",
        ],
        [await timed("task types, all time", 300, async () => `${(await store.taskTypes(0)).length} types`)],
      );
    } finally {
      if (name === "PostgreSQL")
        await database.write([{ sql: `DROP SCHEMA ${new URL(url).searchParams.get("schema")} CASCADE` }]);
    }
  });
}

await inFolder((folder) => measureTypes("SQLite", `sqlite:${join(folder, "types.db")}`));
await inFolder((folder) => measure("SQLite", `sqlite:${join(folder, "console.db")}`));
const postgres = process.env.LOVAGE_TEST_POSTGRES;
/** @param {string} url */
const ownSchema = (url) => `${url}?schema=bench_${randomBytes(4).toString("hex")}`;
if (postgres) {
  await measureTypes("PostgreSQL", ownSchema(postgres));
  await measure("PostgreSQL", ownSchema(postgres));
}
