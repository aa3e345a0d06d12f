import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeStopAll } from "./suites/stop-all.js";
import { amqpPlace } from "./support/server-places.js";

describeWithServer("amqp", "the console on RabbitMQ", () => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    describeStopAll(chromium, amqpPlace);
  });
});
