import { openAsync } from "./async.js";
import type { Pool, PoolKind } from "./pool.js";
import { openProcesses } from "./processes.js";
import { openSolo, type SoloOptions } from "./solo.js";
import { openThreads } from "./threads.js";

/** A pool of this kind, not yet started. `options.app` is used by `solo` only; the others load the app where it runs. */
export function openPool(kind: PoolKind, options: SoloOptions): Pool {
  switch (kind) {
    case "processes":
      return openProcesses(options);
    case "threads":
      return openThreads(options);
    case "async":
      return openAsync(options);
    case "solo":
      return openSolo(options);
  }
}
