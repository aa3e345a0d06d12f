/**
 * A worker in a process of its own: `worker-process.mjs URL APP POOL [events [RESULTS]]`. Says which processes it consists of, and stops when told, or
 * when its parent is gone.
 */
import { Worker } from "lovage/worker";
import { benchApp } from "../tasks.mjs";

const [, , url = "", appPath = "", pool = "async", events, results = url] = process.argv;
const { app } = benchApp({ brokerUrl: url, resultBackend: results });
const worker = new Worker({
  app,
  appPath,
  pool: /** @type {import("lovage/worker").PoolKind} */ (pool),
  concurrency: 2,
  events: events === "events",
});
await worker.start();
process.send?.({ pids: [...new Set([process.pid, ...worker.parts.pool.slots().map(({ pid }) => pid)])] });
process.once("message", async () => {
  await worker.stop();
  await app.close();
  process.disconnect();
});
// A parent that was killed says nothing.
process.once("disconnect", () => process.exit());
