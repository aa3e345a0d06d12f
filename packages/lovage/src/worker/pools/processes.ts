import type { Pool, PoolOptions } from "./pool.js";
import { openProcess } from "./process-carrier.js";
import { Supervisor } from "./supervisor.js";

/** Child processes, one task each: nothing that user code does takes the worker along. */
export function openProcesses(options: PoolOptions): Pool {
  return new Supervisor(
    {
      kind: "processes",
      capabilities: { terminatesOne: true, isolates: true, isolatesNativeCrashes: true, resizable: true },
      openCarrier: openProcess,
      shared: false,
    },
    options,
  );
}
