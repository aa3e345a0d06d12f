import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { describeStopAll } from "./suites/stop-all.js";
import { redisPlace } from "./support/server-places.js";

describeWithServer("redis", "the console on Redis", (server) => {
  describeWithServer("chromium", "in a browser", (chromium) => {
    describeStopAll(chromium, () => redisPlace(server));
  });
});
