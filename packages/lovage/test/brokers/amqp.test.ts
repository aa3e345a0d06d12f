import { AmqpBroker } from "../../src/brokers/amqp/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { amqpVhost } from "../support/amqp-vhost.js";
import { describeWithServer } from "../support/servers.js";

describeWithServer("amqp", "with a RabbitMQ", () => {
  describeBroker("RabbitMQ", {
    capabilities: {
      priorities: true,
      leases: false,
      durable: true,
      shared: true,
      peek: "disturbs",
      oldestMessage: false,
      fencing: false,
      deliveryCount: "repeated",
      etaStep: 1,
      inspection: { held: false, scheduled: false, queues: "declared" },
    },
    fixture: async () => {
      const vhost = await amqpVhost();
      return {
        url: vhost.url,
        // Each with connections of its own, as in processes of their own.
        connection: ({ leaseSeconds }) =>
          new AmqpBroker({
            url: vhost.url,
            leaseSeconds,
            publishTimeout: 10,
            connections: new Connections(),
            logger: silentLogger,
          }),
        abandon: async (broker) => {
          if (broker instanceof AmqpBroker) await broker.abandon();
        },
        remove: vhost.remove,
      };
    },
  });
});
