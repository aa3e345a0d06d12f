import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeEverywhere } from "./suites/everywhere.js";
import { describeTask } from "./suites/task.js";
import { describeTasks } from "./suites/tasks.js";
import { sqlitePlace } from "./support/stage.js";

describeWithServer("chromium", "the console on SQLite", (chromium) => {
  describeTasks(chromium, sqlitePlace);
  describeTask(chromium, sqlitePlace);
  describeEverywhere(chromium, sqlitePlace);
});
