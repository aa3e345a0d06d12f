import type { Lovage } from "../app.js";
import { Worker, type WorkerOptions } from "../worker/worker.js";

/**
 * Runs `body` while a worker of `app` works in this process, and stops it afterwards whatever happens. For your own tests, with
 * `brokerUrl: "memory://"` and `resultBackend: "memory://"`: nothing needs to be installed, and nothing is left behind.
 * Tasks run one at a time in the test's own thread (pool `solo`) unless `options` say otherwise.
 */
export async function withWorker<T>(
  app: Lovage,
  body: (worker: Worker) => Promise<T>,
  options: Partial<WorkerOptions> = {},
): Promise<T> {
  const worker = new Worker({ pool: "solo", ...options, app });
  await worker.start();
  try {
    return await body(worker);
  } finally {
    await worker.stop();
  }
}
