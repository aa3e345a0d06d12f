/**
 * How fast does one worker process empty a queue, by broker, with results and without, beside the queues people use today and the raw client?
 */
import { interleaved, sized } from "./support/measure.mjs";
import { RATIOS, ratioRows } from "./support/ratios.mjs";
import { announce, table } from "./support/report.mjs";
import { stores } from "./support/stores.mjs";

const TASKS = sized(10_000);

announce("brokers-drain: how fast does a worker empty a queue?", [
  `${TASKS} jobs that do nothing; Lovage with the async pool, 100 at a time, 200 held; BullMQ, bee-queue and graphile-worker 100 at a time (the last with its local queue of 500 and batched completion), pg-boss 200 a batch, Celery two processes`,
  "the raw clients take messages and acknowledge them, no more (ioredis and pg: in batches, without holding them)",
  "jobs a second, microseconds of this process's CPU a job, and what Lovage reaches of each contestant's rate",
]);

const rows = [];
for (const { name, contestants, aims } of stores()) {
  for (const results of [false, true]) {
    const runs = contestants.flatMap(({ name: who, drain }) => (drain ? [[who, () => drain(TASKS, results)]] : []));
    const figures = await interleaved(Object.fromEntries(runs));
    rows.push(...ratioRows(`${name}, results ${results ? "on" : "off"}`, figures, (who) => aims[who]?.drain));
  }
}
table(["store", ...RATIOS], rows);
