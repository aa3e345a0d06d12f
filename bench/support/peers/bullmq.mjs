import { randomUUID } from "node:crypto";
import { Queue, QueueEvents, Worker } from "bullmq";
import { costOf } from "../measure.mjs";
import { countdown, durations, keepInFlight } from "./contestant.mjs";

/** Jobs a worker runs at a time, as in Lovage's `async` pool. */
const CONCURRENCY = 100;
/** Jobs of one bulk call when a queue is filled, which is not measured. */
const BULK = 1000;

/** @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function bullmq(url) {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port || 6379), maxRetriesPerRequest: null };

  /** @template T @param {(queue: Queue) => Promise<T>} work */
  async function withQueue(work) {
    const queue = new Queue(`bench-${randomUUID()}`, { connection });
    await queue.waitUntilReady();
    try {
      return await work(queue);
    } finally {
      await queue.obliterate({ force: true });
      await queue.close();
    }
  }

  return {
    name: "BullMQ",
    enqueue: (count, inFlight) =>
      withQueue(async (queue) => {
        await queue.add("add", { x: 2, y: 3 });
        return await costOf(count, () => keepInFlight(count, inFlight, () => queue.add("add", { x: 2, y: 3 })));
      }),
    drain: (count, results) =>
      withQueue(async (queue) => {
        const job = { name: "add", data: { x: 2, y: 3 }, opts: { removeOnComplete: !results } };
        for (let filled = 0; filled < count; filled += BULK)
          await queue.addBulk(Array.from({ length: Math.min(BULK, count - filled) }, () => job));
        const done = countdown(count);
        const worker = new Worker(queue.name, async ({ data }) => data.x + data.y, {
          connection,
          concurrency: CONCURRENCY,
          autorun: false,
        });
        await worker.waitUntilReady();
        worker.on("completed", () => done.hit());
        const cost = await costOf(count, async () => {
          void worker.run();
          await done.reached;
        });
        await worker.close();
        return cost;
      }),
    roundTrip: (count) =>
      withQueue(async (queue) => {
        const events = new QueueEvents(queue.name, { connection });
        const worker = new Worker(queue.name, async ({ data }) => data.x + data.y, {
          connection,
          concurrency: CONCURRENCY,
        });
        await Promise.all([events.waitUntilReady(), worker.waitUntilReady()]);
        const times = await durations(count, async () => {
          const job = await queue.add("add", { x: 2, y: 3 });
          await job.waitUntilFinished(events);
        });
        await worker.close();
        await events.close();
        return times;
      }),
  };
}
