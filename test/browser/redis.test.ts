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
import { redisPlace, redisPlaceWithPython } from "./support/server-places.js";

describeWithServer("redis", "the console on Redis", (server) => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    const place = () => redisPlace(server);
    describeOverview(chromium, place);
    describeWorkers(chromium, place);
    describeTasks(chromium, place);
    describeTask(chromium, place);
    describeJobs(chromium, place);
    describeStopAll(chromium, place);
    describeBulk(chromium, place);
    describeErrorsAndSend(chromium, place);
    describeQueues(chromium, place);
    describeDeadLetters(chromium, place);
    describeHostile(chromium, place, FEW_NAMES);
    describeLive(chromium, place);

    describeWithServer("python", "with a Celery worker", (python) => {
      const shared = () => redisPlaceWithPython(server, python);
      describeCeleryWorkers(chromium, shared);
      describeCeleryTask(chromium, shared);
    });
  });
});
