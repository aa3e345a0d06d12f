import { randomUUID } from "node:crypto";
import Queue from "bee-queue";
import { costOf } from "../measure.mjs";
import { countdown, durations, keepInFlight } from "./contestant.mjs";

const CONCURRENCY = 100;
const BULK = 1000;

/** @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function beeQueue(url) {
  const { hostname: host, port } = new URL(url);
  const redis = { host, port: Number(port || 6379) };

  /** @template T @param {Partial<import("bee-queue").QueueSettings>} settings @param {(queue: Queue<{ x: number, y: number }>) => Promise<T>} work */
  async function withQueue(settings, work) {
    /** @type {Queue<{ x: number, y: number }>} */
    const queue = new Queue(`bench-${randomUUID()}`, { redis, ...settings });
    await queue.ready();
    try {
      return await work(queue);
    } finally {
      await queue.destroy();
      await queue.close(1000);
    }
  }

  return {
    name: "bee-queue",
    enqueue: (count, inFlight) =>
      withQueue({ isWorker: false, storeJobs: false }, (queue) =>
        costOf(count, () => keepInFlight(count, inFlight, () => queue.createJob({ x: 2, y: 3 }).save())),
      ),
    drain: (count, results) =>
      withQueue({ removeOnSuccess: !results, storeJobs: false, sendEvents: false, getEvents: false }, async (queue) => {
        for (let filled = 0; filled < count; filled += BULK)
          await queue.saveAll(
            Array.from({ length: Math.min(BULK, count - filled) }, () => queue.createJob({ x: 2, y: 3 })),
          );
        const done = countdown(count);
        queue.on("succeeded", () => done.hit());
        return await costOf(count, async () => {
          queue.process(CONCURRENCY, async ({ data }) => data.x + data.y);
          await done.reached;
        });
      }),
    roundTrip: (count) =>
      withQueue({ removeOnSuccess: true }, async (queue) => {
        queue.process(CONCURRENCY, async ({ data }) => data.x + data.y);
        return await durations(count, async () => {
          const job = queue.createJob({ x: 2, y: 3 });
          const succeeded = new Promise((resolve) => job.on("succeeded", resolve));
          await job.save();
          await succeeded;
        });
      }),
  };
}
