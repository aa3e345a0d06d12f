import { openPool } from "../../../src/worker/pools/open-pool.js";
import { describePool } from "../../contract/pool.contract.js";

describePool("threads", {
  capabilities: { terminatesOne: true, isolates: true, isolatesNativeCrashes: false, resizable: true },
  largestSize: 16,
  sharedLoop: false,
  open: (options) => openPool("threads", options),
});
