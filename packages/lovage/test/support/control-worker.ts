import { fileURLToPath } from "node:url";
import { Control } from "../../src/control/control.js";
import type { AsyncResult, Lovage } from "../../src/index.js";
import { Worker, type WorkerOptions } from "../../src/worker/index.js";
import { RecordingLogger } from "./recording-logger.js";

type Tasks = typeof import("./control-app.js");

/** The name of the node in Celery's recordings. */
export const NODE = "w1@example.com";

/** An app with a broker in memory, workers of it, and the means to control it. */
export interface ControlBench {
  readonly app: Lovage;
  readonly tasks: Tasks;
  readonly control: Control;
  readonly logger: RecordingLogger;
  /** Starts a worker, stopped by `close`. */
  startWorker(options?: Partial<WorkerOptions>): Promise<Worker>;
  /** Stops the workers. */
  stopWorkers(): Promise<void>;
  close(): Promise<void>;
}

/** The app is a module, so there is one bench in a test file. */
export async function openControlBench(): Promise<ControlBench> {
  const tasks = await import("./control-app.js");
  const { app } = tasks;
  const logger = new RecordingLogger();
  const workers: Worker[] = [];
  const stopWorkers = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map((worker) => worker.abort()));
  };
  return {
    app,
    tasks,
    control: new Control(app),
    logger,
    startWorker: async (options = {}) => {
      const appPath = fileURLToPath(new URL("./control-app.ts", import.meta.url));
      const worker = new Worker({ app, appPath, logger, hostname: NODE, pool: "solo", ...options });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    stopWorkers,
    close: async () => {
      await stopWorkers();
      await app.close();
    },
  };
}

/** Resolves when the condition holds, by looking again and again: for what no event tells. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Resolves when the worker runs the task. */
export async function untilRuns(worker: Worker, { id }: AsyncResult<unknown>): Promise<void> {
  await until(() => worker.parts.ledger.find(id).some((execution) => execution.started));
}
