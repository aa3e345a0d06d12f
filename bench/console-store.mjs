/**
 * How fast does the console's store answer with a million tasks in it, and what does writing them cost?
 * SQLite in a folder of its own; PostgreSQL too when LOVAGE_TEST_POSTGRES names a server. Budgets: lists and searches within 300 ms, a
 * task's page within 100 ms (p95), and 5,000 events a second on two cores.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { silentLogger } from "lovage";
import { openDatabase } from "../packages/console/dist/server/store/open-database.js";
import { SqlTaskStore } from "../packages/console/dist/server/store/sql-task-store.js";
import { emptyRecord } from "../packages/console/dist/server/store/task-record.js";
import { ITERATIONS, inFolder, ownCpu, quantile } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";

const RECORDS = Number(process.env.BENCH_RECORDS) || (ITERATIONS === 1 ? 50_000 : 1_000_000);
/** Tasks that live at the same time while the store is filled; each is written in four states, two events at a time. */
const BATCH = 500;
const ROUNDS = ITERATIONS === 1 ? 3 : 20;
const NAMES = ["resize_image", "send_mail", "scrape_page", "monthly_report", "charge_card", "reindex"].map(
  (name) => `shop.tasks.${name}`,
);

announce("console-store: how fast are lists, searches and pages?", [
  `${RECORDS.toLocaleString("en-US")} tasks of about 1 KB, 2 % failed, one every 10 ms; each question ${ROUNDS} times`,
  "ms to the answer, CPU of it (on a busy machine the more telling figure), and the longest that anything else had to wait meanwhile",
]);

/** @param {number} below */
const random = (below) => Math.floor(Math.random() * below);
const START_MS = Date.now() - RECORDS * 10;

/** @param {number} at */
function sent(at) {
  const firstMs = START_MS + at * 10;
  const id = randomUUID();
  const args = `['https://shop.example/${randomUUID()}/image-${random(1e6)}.jpg', ${random(1000)}]`;
  const kwargs = `{'customer': ${random(1e6)}, 'mail': 'user${random(1e5)}@shop.example', 'size': 'large'}`;
  return {
    ...emptyRecord(id, firstMs),
    name: NAMES[random(NAMES.length)] ?? null,
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

/**
 * @param {import("../packages/console/dist/server/store/task-record.js").TaskRecord} record
 * @param {number} step
 */
function next(record, step) {
  const base = { ...record, version: step, updatedMs: record.firstMs + step * 20, clock: step };
  if (step === 1)
    return { ...base, state: "RECEIVED", receivedMs: record.firstMs + 20, worker: `celery@worker-${random(10)}` };
  if (step === 2) return { ...base, state: "STARTED", startedMs: record.firstMs + 40, slot: "3" };
  const failed = random(50) === 0;
  const ended = { ...base, finishedMs: record.firstMs + 60 + random(500), runtime: random(3000) / 1000 };
  if (!failed)
    return { ...ended, state: "SUCCESS", result: `{'ok': True, 'bytes': ${random(1e6)}}`, resultJson: '{"ok":true}' };
  return {
    ...ended,
    state: "FAILURE",
    error: `ValueError('no customer ${random(1e6)}')`,
    traceback: "Traceback (most recent call last):\n".repeat(10),
    fingerprint: `f${random(20)}`,
  };
}

/** @param {SqlTaskStore} store */
async function fill(store) {
  /** @type {{record: ReturnType<typeof next> | ReturnType<typeof sent>, step: number}[]} */
  let living = [];
  let writes = 0;
  let events = 0;
  const cpu = ownCpu();
  const started = performance.now();
  for (let at = 0; at < RECORDS || living.length > 0; ) {
    for (const each of living) each.record = next(each.record, each.step++);
    for (let count = 0; count < BATCH / 4 && at < RECORDS; count++) living.push({ record: sent(at++), step: 1 });
    const records = living.map(({ record }) => record);
    const heard = records.map((record) => ({
      taskId: record.id,
      type: "task-event",
      atMs: record.updatedMs,
      worker: "celery@worker-1",
      clock: record.clock,
      attempt: 1,
      fieldsJson: '{"pid":17}',
    }));
    await store.put({ records, events: heard, logs: [] });
    writes += records.length;
    events += heard.length;
    living = living.filter(({ step }) => step <= 3);
  }
  const seconds = (performance.now() - started) / 1000;
  return { rate: events / seconds, cpu: ((ownCpu() - cpu) / writes) * 1e6 };
}

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
  rows.push(await timed("one name", budget, list({ filter: { name: NAMES[0] } })));
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
  const database = openDatabase(url, { logger: silentLogger });
  await database.open();
  try {
    const store = new SqlTaskStore({ database });
    await store.open();
    const { rate, cpu } = await fill(store);
    table(
      [`${name}: writing`, "events/s", "CPU us a record written", "MB"],
      [["", { figure: rate, atLeast: 5_000 }, cpu, ((await database.size()) ?? Number.NaN) / 1e6]],
    );
    table([`${name}: reading`, "p50 ms", "p95 ms", "CPU ms", "longest stop ms", "came"], await questions(store));
    if (name === "PostgreSQL")
      await database.write([{ sql: `DROP SCHEMA ${new URL(url).searchParams.get("schema")} CASCADE` }]);
  } finally {
    await database.close();
  }
}

await inFolder((folder) => measure("SQLite", `sqlite:${join(folder, "console.db")}`));
const postgres = process.env.LOVAGE_TEST_POSTGRES;
if (postgres) await measure("PostgreSQL", `${postgres}?schema=bench_${randomBytes(4).toString("hex")}`);
