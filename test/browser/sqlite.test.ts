import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeEverywhere } from "./suites/everywhere.js";
import { describeHostile } from "./suites/hostile.js";
import { describeJobs } from "./suites/jobs.js";
import { describeLogin } from "./suites/login.js";
import { describeStopAll } from "./suites/stop-all.js";
import { describeTask } from "./suites/task.js";
import { describeTasks } from "./suites/tasks.js";
import { sqlitePlace } from "./support/stage.js";

describeWithServer("chromium", "the console on SQLite", (chromium) => {
  describeTasks(chromium, sqlitePlace);
  describeTask(chromium, sqlitePlace);
  describeJobs(chromium, sqlitePlace);
  describeStopAll(chromium, sqlitePlace);
  describeLogin(chromium, sqlitePlace);
  describeHostile(chromium, sqlitePlace);
  describeEverywhere(chromium, sqlitePlace);
});
