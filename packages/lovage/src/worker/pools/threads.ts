import type { Pool, PoolOptions } from "./pool.js";
import { Supervisor } from "./supervisor.js";
import { openThread } from "./thread-carrier.js";

/**
 * Threads, one task each: lighter than processes and quicker to start, but a segfault in an addon takes the worker along,
 * and so may a full heap: V8 can only sometimes end the one thread then.
 */
export function openThreads(options: PoolOptions): Pool {
  return new Supervisor(
    {
      kind: "threads",
      capabilities: { terminatesOne: true, isolates: true, isolatesNativeCrashes: false, resizable: true },
      openCarrier: openThread,
      shared: false,
    },
    options,
  );
}
