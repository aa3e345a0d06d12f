import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeBulk } from "./suites/bulk.js";
import { describeCeleryTask } from "./suites/celery-task.js";
import { describeDeadLetters } from "./suites/dead-letters.js";
import { describeErrorsAndSend } from "./suites/errors-and-send.js";
import { describeHostile, FEW_NAMES } from "./suites/hostile.js";
import { describeJobs } from "./suites/jobs.js";
import { describeLive } from "./suites/live.js";
import { describeOverview } from "./suites/overview.js";
import { describeQueues } from "./suites/queues.js";
import { describeStopAll } from "./suites/stop-all.js";
import { describeTask } from "./suites/task.js";
import { describeTasks } from "./suites/tasks.js";
import { describeCeleryWorkers, describeWorkers } from "./suites/workers.js";
import { amqpPlace, amqpPlaceWithPython, managedAmqpPlace } from "./support/server-places.js";

describeWithServer("amqp", "the console on RabbitMQ", () => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    describeOverview(chromium, amqpPlace);
    describeWorkers(chromium, amqpPlace);
    describeTasks(chromium, amqpPlace);
    describeTask(chromium, amqpPlace);
    describeJobs(chromium, amqpPlace);
    describeStopAll(chromium, amqpPlace);
    describeBulk(chromium, amqpPlace, 1500);
    describeErrorsAndSend(chromium, amqpPlace);
    describeQueues(chromium, managedAmqpPlace);
    describeDeadLetters(chromium, amqpPlace);
    describeHostile(chromium, amqpPlace, FEW_NAMES);
    describeLive(chromium, amqpPlace);

    describeWithServer("redis", "with results in Redis", (redis) => {
      describeWithServer("python", "and a Celery worker", (python) => {
        const shared = () => amqpPlaceWithPython(redis, python);
        describeCeleryWorkers(chromium, shared);
        describeCeleryTask(chromium, shared);
      });
    });
  });
});
