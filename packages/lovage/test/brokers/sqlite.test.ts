import { SqliteBroker } from "../../src/brokers/sqlite/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { sqliteFile } from "../support/sqlite-file.js";

describeBroker("SQLite", {
  capabilities: { priorities: true, leases: true, durable: true, shared: true, peek: "clean", oldestMessage: true },
  fixture: async () => {
    const file = await sqliteFile();
    return {
      url: file.url,
      // Each with a connection of its own, as in processes of their own.
      connection: ({ leaseSeconds }) =>
        new SqliteBroker({
          url: file.url,
          leaseSeconds,
          publishTimeout: 10,
          connections: new Connections(),
          logger: silentLogger,
        }),
      abandon: async (broker) => {
        if (broker instanceof SqliteBroker) await broker.abandon();
      },
      remove: file.remove,
    };
  },
});
