import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { costOf } from "../measure.mjs";
import { keepInFlight } from "./contestant.mjs";
import { envelopeText } from "./envelope.mjs";

/** Envelopes taken in one command. */
const BATCH = 100;

/** ioredis alone: LPUSH of a prepared envelope; RPOP of a hundred at a time, which loses what it holds when it dies. @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function rawRedis(url) {
  /** @template T @param {(redis: Redis, key: string) => Promise<T>} work */
  async function withList(work) {
    const redis = new Redis(url, { enableAutoPipelining: true });
    const key = `bench:${randomUUID()}`;
    try {
      return await work(redis, key);
    } finally {
      await redis.del(key);
      await redis.quit();
    }
  }
  return {
    name: "ioredis",
    enqueue: (count, inFlight) =>
      withList((redis, key) =>
        costOf(count, () => keepInFlight(count, inFlight, () => redis.lpush(key, envelopeText))),
      ),
    drain: (count, results) =>
      withList(async (redis, key) => {
        for (let filled = 0; filled < count; filled += 1000)
          await redis.lpush(key, ...Array.from({ length: Math.min(1000, count - filled) }, () => envelopeText));
        const result = JSON.stringify({
          status: "SUCCESS",
          result: 5,
          traceback: null,
          children: [],
          task_id: randomUUID(),
        });
        return await costOf(count, async () => {
          for (let batch = await redis.rpop(key, BATCH); batch?.length; batch = await redis.rpop(key, BATCH)) {
            if (results) await Promise.all(batch.map(() => redis.set(`${key}:result`, result, "EX", 60)));
          }
          await redis.del(`${key}:result`);
        });
      }),
  };
}
