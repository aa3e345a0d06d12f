import { beeQueue } from "./peers/bee-queue.mjs";
import { bullmq } from "./peers/bullmq.mjs";
import { celery } from "./peers/celery.mjs";
import { graphileWorker } from "./peers/graphile-worker.mjs";
import { lovage } from "./peers/lovage.mjs";
import { pgBoss } from "./peers/pg-boss.mjs";
import { rawAmqp } from "./peers/raw-amqp.mjs";
import { rawPostgres } from "./peers/raw-postgres.mjs";
import { rawRedis } from "./peers/raw-redis.mjs";

/**
 * A server, and who is measured on it: Lovage first.
 * @typedef {object} Store
 * @property {string} name
 * @property {readonly import("./peers/contestant.mjs").Contestant[]} contestants
 * @property {Readonly<Record<string, { enqueue?: number, drain?: number }>>} aims what Lovage is to reach of each, as a ratio
 */

/** Of Celery on the same broker. */
const CELERY = { enqueue: 10, drain: 10 };

/**
 * The stores whose servers are there: `scripts/services run redis amqp postgres -- npm run bench` brings them up.
 * @returns {Store[]}
 */
export function stores() {
  const { LOVAGE_TEST_REDIS: redis, LOVAGE_TEST_AMQP: amqp, LOVAGE_TEST_POSTGRES: postgres } = process.env;
  const found = [];
  if (redis) {
    const url = `${redis}/9`;
    found.push({
      name: "Redis",
      contestants: [lovage(url), bullmq(redis), beeQueue(redis), celery(url, url), rawRedis(url)],
      aims: { BullMQ: { enqueue: 1.3, drain: 3 }, Celery: CELERY },
    });
  }
  if (amqp) {
    // Results by RPC, as Celery keeps them where there is no other store.
    found.push({
      name: "RabbitMQ",
      contestants: [lovage(amqp, "rpc://"), celery(amqp, "rpc://"), rawAmqp(amqp)],
      aims: { amqplib: { enqueue: 0.8, drain: 0.7 }, Celery: CELERY },
    });
  }
  if (postgres) {
    found.push({
      name: "PostgreSQL",
      contestants: [lovage(postgres), graphileWorker(postgres), pgBoss(postgres), rawPostgres(postgres)],
      aims: { "graphile-worker": { enqueue: 5, drain: 1 } },
    });
  }
  if (found.length < 3)
    console.log("  left out: what LOVAGE_TEST_REDIS, LOVAGE_TEST_AMQP and LOVAGE_TEST_POSTGRES do not name");
  return found;
}
