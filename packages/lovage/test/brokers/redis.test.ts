import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { RedisBroker } from "../../src/brokers/redis/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { describeWithServer } from "../support/servers.js";

describeWithServer("redis", "Redis", (server) => {
  describeBroker("Redis", {
    capabilities: {
      priorities: true,
      priorityLevels: 4,
      leases: true,
      durable: true,
      shared: true,
      peek: "clean",
      oldestMessage: true,
      fencing: true,
      deliveryCount: "each",
      etaStep: 0,
      inspection: { held: true, scheduled: true, queues: "all" },
    },
    fixture: async () => {
      const prefix = `t${randomBytes(6).toString("hex")}:`;
      const url = `${server}?global_keyprefix=${prefix}`;
      return {
        url,
        connection: ({ leaseSeconds }) =>
          new RedisBroker({
            url,
            leaseSeconds,
            publishTimeout: 10,
            connections: new Connections(),
            logger: silentLogger,
          }),
        abandon: async (broker) => {
          if (broker instanceof RedisBroker) await broker.abandon();
        },
        remove: async () => {
          const client = new Redis(server);
          const keys = await client.keys(`${prefix}*`);
          if (keys.length > 0) await client.del(keys);
          await client.quit();
        },
      };
    },
  });
});
