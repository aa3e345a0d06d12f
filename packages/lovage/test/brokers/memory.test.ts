import { expect, onTestFinished, test } from "vitest";
import { MemoryBroker } from "../../src/brokers/memory/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { textMessage } from "../support/text-message.js";

describeBroker("memory", {
  capabilities: {
    priorities: true,
    leases: false,
    durable: false,
    shared: false,
    peek: "clean",
    oldestMessage: true,
    fencing: true,
    deliveryCount: "each",
    etaStep: 0,
    inspection: { held: true, scheduled: true, queues: "all" },
  },
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

test("the memory broker counts and drops any number of messages", async () => {
  const options = { url: "memory://", leaseSeconds: 60, publishTimeout: 10 };
  const broker = new MemoryBroker({ ...options, connections: new Connections(), logger: silentLogger });
  onTestFinished(() => broker.close());
  await broker.declare({ name: "q" });
  const message = textMessage("x");
  // More than a function takes arguments.
  for (let left = 150_000; left > 0; left--) await broker.publish(message, { exchange: "", routingKey: "q" });
  expect(await broker.queues.counts("q")).toMatchObject({ ready: 150_000, oldest: expect.any(Date) });
  expect(await broker.queues.purge("q")).toBe(150_000);
});
