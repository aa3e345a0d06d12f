import { describeFaults } from "./suites/server.js";
import { amqpRig } from "./support/rigs/amqp.js";

describeFaults("RabbitMQ", "amqp", amqpRig);
