import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amqpVhost } from "../../../packages/lovage/test/support/amqp-vhost.js";
import { postgresSchema } from "../../../packages/lovage/test/support/postgres-schema.js";
import { redisKeys } from "../../../packages/lovage/test/support/redis-database.js";
import { claimRedisDatabase } from "../../interop/support/servers.js";
import type { Place } from "./stage.js";

/** Keys of its own in a Redis server. */
export async function redisPlace(server: string): Promise<Place> {
  const keys = await redisKeys(server);
  return { broker: keys.url, backend: keys.url, remove: () => keys.remove() };
}

/** A vhost of its own in RabbitMQ; results are in a file, as it keeps none that many can read. */
export async function amqpPlace(query = ""): Promise<Place> {
  const vhost = await amqpVhost(query);
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

/** A Redis database of its own, where Python's Celery works too: kombu 5.2 has bugs with prefixes of keys. */
export async function redisPlaceWithPython(server: string, python: string): Promise<Place> {
  const database = await claimRedisDatabase(server);
  return { broker: database.url, backend: database.url, python, remove: () => database.release() };
}

/** A vhost of its own in RabbitMQ, with results in a Redis database of its own, where Python's Celery works too. */
export async function amqpPlaceWithPython(redis: string, python: string): Promise<Place> {
  const [vhost, database] = await Promise.all([amqpVhost(), claimRedisDatabase(redis)]);
  return {
    broker: vhost.url,
    backend: database.url,
    python,
    remove: async () => {
      await vhost.remove();
      await database.release();
    },
  };
}

/** As `amqpPlace`, with the management API, which tells more of queues than the protocol does. */
export async function managedAmqpPlace(): Promise<Place> {
  const management = process.env.LOVAGE_TEST_AMQP_MANAGEMENT ?? "";
  return await amqpPlace(new URLSearchParams({ managementUrl: management }).toString());
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
