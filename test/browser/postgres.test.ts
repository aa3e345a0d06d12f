import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeBulk } from "./suites/bulk.js";
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
import { describeWorkers } from "./suites/workers.js";
import { postgresPlace } from "./support/server-places.js";

describeWithServer("postgres", "the console on PostgreSQL", (server) => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    const place = () => postgresPlace(server);
    describeOverview(chromium, place);
    describeWorkers(chromium, place);
    describeTasks(chromium, place);
    describeTask(chromium, place);
    describeJobs(chromium, place);
    describeStopAll(chromium, place);
    describeBulk(chromium, place, 1500);
    describeErrorsAndSend(chromium, place);
    describeQueues(chromium, place);
    describeDeadLetters(chromium, place);
    describeHostile(chromium, place, FEW_NAMES);
    describeLive(chromium, place);
  });
});
