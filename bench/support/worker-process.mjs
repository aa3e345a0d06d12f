/** A worker in a process of its own: `worker-process.mjs URL APP POOL`. Says which processes it consists of, and stops when told. */
import { Worker } from "lovage/worker";
import { benchApp } from "../tasks.mjs";

const [, , url = "", appPath = "", pool = "async"] = process.argv;
const { app } = benchApp({ brokerUrl: url, resultBackend: url });
const worker = new Worker({
  app,
  appPath,
  pool: /** @type {import("lovage/worker").PoolKind} */ (pool),
  concurrency: 2,
});
await worker.start();
process.send?.({ pids: [...new Set([process.pid, ...worker.parts.pool.slots().map(({ pid }) => pid)])] });
process.on("message", async () => {
  await worker.stop();
  await app.close();
  process.disconnect();
});
