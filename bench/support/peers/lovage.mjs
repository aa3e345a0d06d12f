import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "lovage/worker";
import { benchApp } from "../../tasks.mjs";
import { costOf } from "../measure.mjs";
import { durations, keepInFlight } from "./contestant.mjs";

const APP = fileURLToPath(new URL("../../tasks.mjs", import.meta.url));
const CONCURRENCY = 100;
/** Messages held at a time. */
const HELD = 200;
/** Calls in flight when a queue is filled, which is not measured. */
const BULK = 1000;

/**
 * One worker process with the `async` pool. It stores and acknowledges as it always does: nothing is lost when it dies.
 * @param {string} url
 * @param {string} results where they are kept
 * @returns {import("./contestant.mjs").Contestant}
 */
export function lovage(url, results = url) {
  /** @template T @param {(bench: ReturnType<typeof benchApp>, queue: string) => Promise<T>} work */
  async function withQueue(work) {
    const queue = `bench-${randomUUID()}`;
    const bench = benchApp({
      brokerUrl: url,
      resultBackend: results,
      resultExpires: 600,
      taskDefaultQueue: queue,
      workerPrefetchMultiplier: HELD / CONCURRENCY,
    });
    try {
      return await work(bench, queue);
    } finally {
      await (await bench.app.direct.broker()).queues.delete(queue);
      await bench.app.close();
    }
  }

  /** @param {ReturnType<typeof benchApp>} bench @param {string} queue */
  async function startedWorker({ app }, queue) {
    const worker = new Worker({ app, appPath: APP, pool: "async", concurrency: CONCURRENCY, queues: [queue] });
    await worker.start();
    return worker;
  }

  return {
    name: "Lovage",
    enqueue: (count, inFlight) =>
      withQueue(async ({ add }) => {
        await add.delay(2, 3);
        return await costOf(count, () => keepInFlight(count, inFlight, () => add.delay(2, 3)));
      }),
    drain: (count, kept) =>
      withQueue(async (bench, queue) => {
        const task = kept ? bench.add : bench.addWithoutResult;
        const worker = await startedWorker(bench, `${queue}-idle`);
        await keepInFlight(count, BULK, () => task.delay(2, 3));
        const { ledger, consumer, broker } = worker.parts;
        const cost = await costOf(count, async () => {
          await consumer.add(bench.app.router.queue(queue));
          while (ledger.processed < count) await sleep(1);
          // The last acknowledgements are on their way.
          for (let left = 1; left > 0; ) {
            const counts = await broker.queues.counts(queue);
            left = (counts?.ready ?? 0) + (counts?.unacked ?? 0);
          }
        });
        await worker.stop();
        await broker.queues.delete(`${queue}-idle`).catch(() => undefined);
        return cost;
      }),
    roundTrip: (count) =>
      withQueue(async (bench, queue) => {
        const worker = await startedWorker(bench, queue);
        const times = await durations(count, async () => {
          const result = await bench.add.delay(2, 3);
          await result.get({ timeout: 10 });
        });
        await worker.stop();
        return times;
      }),
  };
}
