import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeEverywhere } from "./suites/everywhere.js";
import { sqlitePlace } from "./support/stage.js";

describeWithServer("chromium", "the console on SQLite", (chromium) => {
  describeEverywhere(chromium, sqlitePlace);
});
