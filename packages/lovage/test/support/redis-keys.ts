import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { onTestFinished } from "vitest";
import type { BrokerOptions } from "../../src/brokers/broker.js";
import { RedisBroker } from "../../src/brokers/redis/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";

/** A corner of a shared Redis for one test, and a hand from outside in it. */
export interface RedisCorner {
  /** Before all its keys. */
  readonly prefix: string;
  /** With the prefix, for a broker. */
  readonly url: string;
  /** A stranger's connection, as any other program's. */
  readonly stranger: Redis;
  /** A connected broker; closed when the test is over. */
  broker(options?: Partial<BrokerOptions>): Promise<RedisBroker>;
}

/** Removes all keys with the prefix. */
export async function removeKeys(client: Redis, prefix: string): Promise<void> {
  const keys = await client.keys(`${prefix}*`);
  if (keys.length > 0) await client.del(keys);
}

/** A corner that is empty, and again when the test is over. */
export async function givenRedis(server: string): Promise<RedisCorner> {
  const prefix = `t${randomBytes(6).toString("hex")}:`;
  const url = `${server}?global_keyprefix=${prefix}`;
  const stranger = new Redis(server, { protocol: 2 });
  const brokers: RedisBroker[] = [];
  onTestFinished(async () => {
    for (const broker of brokers) await broker.close();
    await removeKeys(stranger, prefix);
    await stranger.quit();
  });
  return {
    prefix,
    url,
    stranger,
    broker: async (options = {}) => {
      const broker = new RedisBroker({
        url,
        leaseSeconds: 60,
        publishTimeout: 10,
        connections: new Connections(),
        logger: silentLogger,
        ...options,
      });
      brokers.push(broker);
      await broker.connect();
      return broker;
    },
  };
}
