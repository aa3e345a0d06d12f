import { MemoryBroker } from "../../src/brokers/memory/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";

describeBroker("memory", {
  capabilities: { priorities: true, leases: false, durable: false, shared: false, peek: "clean", oldestMessage: true },
  fixture: async () => {
    const url = "memory://";
    const connections = new Connections();
    const open = (leaseSeconds: number): MemoryBroker =>
      new MemoryBroker({ url, leaseSeconds, publishTimeout: 10, connections, logger: silentLogger });
    // The broker is gone with its last connection: this one keeps it for the length of the test.
    const keeper = open(60);
    return {
      url,
      connection: ({ leaseSeconds }) => open(leaseSeconds),
      // The connection is the hold: one that ends, in whatever way, gives back.
      abandon: (broker) => broker.close(),
      remove: () => keeper.close(),
    };
  },
});
