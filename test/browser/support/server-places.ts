import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amqpVhost } from "../../../packages/lovage/test/support/amqp-vhost.js";
import { postgresSchema } from "../../../packages/lovage/test/support/postgres-schema.js";
import { redisKeys } from "../../../packages/lovage/test/support/redis-database.js";
import type { Place } from "./stage.js";

/** Keys of its own in a Redis server. */
export async function redisPlace(server: string): Promise<Place> {
  const keys = await redisKeys(server);
  return { broker: keys.url, backend: keys.url, remove: () => keys.remove() };
}

/** A vhost of its own in RabbitMQ; results are in a file, as it keeps none that many can read. */
export async function amqpPlace(): Promise<Place> {
  const vhost = await amqpVhost();
  const folder = await mkdtemp(join(tmpdir(), "lovage-browser-results-"));
  return {
    broker: vhost.url,
    backend: `sqlite:${join(folder, "results.db")}`,
    remove: async () => {
      await vhost.remove();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Schemas of its own in a PostgreSQL database, one for the messages and results, one for the console. */
export async function postgresPlace(server: string): Promise<Place> {
  const [queue, store] = await Promise.all([postgresSchema(server), postgresSchema(server)]);
  return {
    broker: queue.url,
    backend: queue.url,
    store: store.url,
    remove: async () => {
      await queue.remove();
      await store.remove();
    },
  };
}
