/**
 * How fast are tasks published to each broker, 200 calls in flight, beside the queues people use today and the raw client?
 */
import { interleaved, sized } from "./support/measure.mjs";
import { RATIOS, ratioRows } from "./support/ratios.mjs";
import { announce, table } from "./support/report.mjs";
import { stores } from "./support/stores.mjs";

const TASKS = sized(10_000);
const IN_FLIGHT = 200;

announce("brokers-enqueue: how fast are tasks published?", [
  `${TASKS} jobs add(2, 3) a round, ${IN_FLIGHT} calls in flight, each confirmed by the server; Celery's calls block, one after the other`,
  "jobs a second, microseconds of this process's CPU a job, and what Lovage reaches of each contestant's rate",
]);

const rows = [];
for (const { name, contestants, aims } of stores()) {
  const runs = contestants.flatMap(({ name: who, enqueue }) =>
    enqueue ? [[who, () => enqueue(TASKS, IN_FLIGHT)]] : [],
  );
  const figures = await interleaved(Object.fromEntries(runs));
  rows.push(...ratioRows(name, figures, (who) => aims[who]?.enqueue));
}
table(["store", ...RATIOS], rows);
