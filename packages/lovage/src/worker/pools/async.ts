import type { Pool, PoolOptions } from "./pool.js";
import { Supervisor } from "./supervisor.js";
import { openThread } from "./thread-carrier.js";

/**
 * One thread, all tasks on its event loop: for tasks that mostly wait, the fastest. It cannot end one task without its neighbours.
 * At its limit a task fails and its code is abandoned, its signal aborted; if the event loop then does not answer, the thread is
 * replaced and the neighbours are given back.
 */
export function openAsync(options: PoolOptions): Pool {
  return new Supervisor(
    {
      kind: "async",
      capabilities: { terminatesOne: false, isolates: true, isolatesNativeCrashes: false, resizable: true },
      openCarrier: openThread,
      shared: true,
    },
    options,
  );
}
