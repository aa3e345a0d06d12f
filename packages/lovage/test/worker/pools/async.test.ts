import { openPool } from "../../../src/worker/pools/open-pool.js";
import { describePool } from "../../contract/pool.contract.js";

describePool("async", {
  capabilities: { terminatesOne: false, isolates: true, isolatesNativeCrashes: false, resizable: true },
  largestSize: 1000,
  sharedLoop: true,
  open: (options) => openPool("async", options),
});
