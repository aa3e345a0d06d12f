import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeStopAll } from "./suites/stop-all.js";
import { postgresPlace } from "./support/server-places.js";

describeWithServer("postgres", "the console on PostgreSQL", (server) => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    describeStopAll(chromium, () => postgresPlace(server));
  });
});
