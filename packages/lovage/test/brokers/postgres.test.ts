import { PostgresBroker } from "../../src/brokers/postgres/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { postgresSchema } from "../support/postgres-schema.js";
import { describeWithServer } from "../support/servers.js";

describeWithServer("postgres", "on a PostgreSQL server", (server) => {
  describeBroker("PostgreSQL", {
    capabilities: {
      priorities: true,
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
      const { url, remove } = await postgresSchema(server);
      return {
        url,
        // Each with connections of its own, as in processes of their own.
        connection: ({ leaseSeconds }) =>
          new PostgresBroker({
            url,
            leaseSeconds,
            publishTimeout: 10,
            connections: new Connections(),
            logger: silentLogger,
          }),
        abandon: async (broker) => {
          if (broker instanceof PostgresBroker) await broker.abandon();
        },
        remove,
      };
    },
  });
});
