/**
 * How fast are tasks published to SQLite, one awaited after the other by many at a time, and in bulk?
 * Beside it the raw client: the same rows into the same tables, 200 a commit.
 */
import { join } from "node:path";
import { costOf, inFolder, interleaved, sized } from "./support/measure.mjs";
import { BATCH, enqueueRaw, openRaw, takeEnvelope } from "./support/raw-sqlite.mjs";
import { AGAINST_RAW, againstRaw, announce, table } from "./support/report.mjs";
import { benchApp } from "./tasks.mjs";

const TASKS = sized(10_000);
const IN_FLIGHT = 200;
const QUEUE = "celery";

announce("sqlite-enqueue: how fast are tasks published?", [
  `${TASKS} calls add.delay(2, 3) a round, each awaited; raw: ${BATCH} rows of the same envelope a commit`,
  "tasks a second and microseconds of CPU a task, and the shares of raw that is",
]);

/**
 * @param {"FULL" | "NORMAL"} synchronous
 * @param {(bench: ReturnType<typeof benchApp>) => Promise<unknown>} publish
 */
const lovage = (synchronous, publish) => () =>
  inFolder(async (folder) => {
    const bench = benchApp({ brokerUrl: `sqlite:${join(folder, "bench.db")}?synchronous=${synchronous}` });
    await bench.add.delay(2, 3);
    const cost = await costOf(TASKS, () => publish(bench));
    await bench.app.close();
    return cost;
  });

/** @param {"FULL" | "NORMAL"} synchronous */
const raw = (synchronous) => () =>
  inFolder(async (folder) => {
    const path = join(folder, "bench.db");
    const bench = benchApp({ brokerUrl: `sqlite:${path}` });
    await bench.add.delay(2, 3);
    await bench.app.close();
    const client = await openRaw(path, synchronous);
    const envelope = takeEnvelope(client);
    const cost = await costOf(TASKS, () => enqueueRaw(client, envelope, { count: TASKS, queue: QUEUE }));
    client.sql.close();
    return cost;
  });

/** @param {ReturnType<typeof benchApp>} bench */
async function inFlight({ add }) {
  let left = TASKS;
  const caller = async () => {
    while (left-- > 0) await add.delay(2, 3);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
}

/** @param {ReturnType<typeof benchApp>} bench */
const inBulk = ({ add }) => Promise.all(Array.from({ length: TASKS }, () => add.delay(2, 3)));

const rows = [];
for (const synchronous of /** @type {const} */ (["FULL", "NORMAL"])) {
  await lovage(synchronous, inFlight)();
  await raw(synchronous)();
  const figures = await interleaved({
    inFlight: lovage(synchronous, inFlight),
    raw: raw(synchronous),
    inBulk: lovage(synchronous, inBulk),
  });
  for (const [label, costs] of /** @type {const} */ ([
    [`${IN_FLIGHT} in flight`, figures.inFlight],
    ["in bulk", figures.inBulk],
  ]))
    rows.push([`${synchronous}, ${label}`, ...againstRaw(costs, figures.raw)]);
}
table(["synchronous", ...AGAINST_RAW], rows);
