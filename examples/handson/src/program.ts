import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Control, type Logger } from "lovage";
import { Worker } from "lovage/worker";
import { EventWatch } from "./event-watch.js";
import { readSettings } from "./settings.js";
import { TaskList } from "./task-list.js";
import { app, report } from "./tasks.js";
import { PageServer } from "./web/page-server.js";

/** Tried first; another one when it is taken. */
const PORT = 4020;
/** Two, so that a third task can be seen waiting. */
const SLOTS = 2;

export interface ProgramOptions {
  /** 0 for any that is free. @default PORT, else any */
  readonly port: number | undefined;
  /** Ends the program. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** All of `npm start`: a worker, and the page. What was opened is closed in every case. */
export async function runProgram({ port, signal, say }: ProgramOptions): Promise<void> {
  const cleanups: (() => Promise<void>)[] = [() => app.close()];
  const { folder, reportSeconds } = readSettings(process.env);
  try {
    await mkdir(folder, { recursive: true });
    const list = new TaskList();
    const watch = await EventWatch.start(app, report.name, list);
    cleanups.push(() => watch.stop());
    const worker = await startWorker(say);
    cleanups.push(() => worker.abort());
    const control = new Control(app);
    const onError = (error: Error): void => say(`error: ${error.message}`);
    const deps = { report, control, list, reportSeconds, slots: SLOTS, onError };
    const address = await openPage(() => new PageServer(deps), port === undefined ? [PORT, 0] : [port], cleanups);
    say(`Open ${address}  (Ctrl-C ends)`);
    if (!signal.aborted) await Promise.race([once(signal, "abort"), worker.stopped]);
    say("Ending. What has not ended goes back to the queue: the next start takes it up again.");
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** The worker. Its tasks run in processes of their own: ending one ends its task, and nothing else. */
async function startWorker(say: (line: string) => void): Promise<Worker> {
  const worker = new Worker({
    app,
    // Beside this file, as .js when built and as .ts when run from source.
    appPath: fileURLToPath(new URL(`./tasks${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url)),
    pool: "processes",
    concurrency: SLOTS,
    events: true,
    logger: troubleLogger(say),
  });
  await worker.start();
  say(`Worker ${worker.hostname} is ready: ${SLOTS} processes`);
  return worker;
}

/** On the first of the ports that is free. */
async function openPage(
  open: () => PageServer,
  ports: readonly number[],
  cleanups: (() => Promise<void>)[],
): Promise<string> {
  for (const port of ports) {
    const server = open();
    try {
      const address = await server.start(port);
      cleanups.push(() => server.stop());
      return address;
    } catch (error) {
      await server.stop();
      if (!isPortTaken(error)) throw error;
    }
  }
  throw new Error(`port ${ports.join(", ")} is taken; choose another by --port, or leave it out`);
}

/** Only what needs attention; that a task failed is on the page. */
function troubleLogger(say: (line: string) => void): Logger {
  const tell: Logger["warn"] = (message, fields = {}) => {
    if (!("task" in fields)) say(message);
  };
  return { debug: () => undefined, info: () => undefined, warn: tell, error: tell };
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
