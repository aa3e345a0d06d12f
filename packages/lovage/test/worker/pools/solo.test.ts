import { openPool } from "../../../src/worker/pools/open-pool.js";
import { describePool } from "../../contract/pool.contract.js";
import { app } from "../../support/pool-app.js";

describePool("solo", {
  capabilities: { terminatesOne: false, isolates: false, isolatesNativeCrashes: false, resizable: false },
  largestSize: 1,
  sharedLoop: true,
  open: (options) => openPool("solo", { ...options, app }),
});
