import { Command, InvalidArgumentError, Option } from "commander";
import { createLogger } from "../logging.js";
import { POOL_KINDS, type PoolKind } from "../pool-kind.js";
import type { LovageSettings } from "../settings.js";
import { withDeadline } from "../util/deadline.js";
import type { Logger } from "../util/logger.js";
import type { AutoscaleRange } from "../worker/autoscaler.js";
import { Worker } from "../worker/worker.js";
import { announce } from "./banner.js";
import type { CommandMaker } from "./command-maker.js";
import { EXIT, type ExitCode, usageError } from "./exit-codes.js";
import { collectNames, type GlobalOptions, optionsOf, parseCount, parsePort, parseSeconds } from "./global-options.js";
import { LOG_FORMATS, type LogFormat } from "./log-format.js";
import { type OpenedApp, openApp } from "./open-app.js";
import { type Shutdown, ShutdownSignals } from "./shutdown-signals.js";

interface WorkerCommandOptions {
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly pool?: PoolKind;
  readonly hostname?: string;
  readonly events?: boolean;
  readonly autoscale?: AutoscaleRange;
  readonly maxTasksPerChild?: number;
  readonly maxMemoryPerChild?: number;
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly prefetchMultiplier?: number;
  readonly healthPort?: number;
  readonly logFormat: LogFormat;
  readonly stopWithParent?: boolean;
}

/** Seconds for connections to close once the worker has stopped. */
const CLOSE_TIMEOUT = 5;

const HELP_AFTER = `
SIGTERM or Ctrl-C: finishes what runs, gives back the rest, ends with 0. A second one, or SIGQUIT: ends what runs and gives it
back too, ends with 1. The log goes to standard error: lines on a terminal, JSON elsewhere. Tasks' own output passes through.

Examples:
  lovage worker --app ./tasks.ts
  lovage worker -A ./tasks.ts#app -Q images,mail -c 8 -P threads -E -n images@%h
  lovage worker -A ./tasks.ts --autoscale 10,3 --max-tasks-per-child 1000 --max-memory-per-child 200000`;

/** `lovage worker`: takes tasks from queues and runs them until it is told to stop. */
export const workerCommand: CommandMaker = (report) =>
  new Command("worker")
    .description("start a worker")
    .option("-Q, --queues <names>", "queues to consume, with commas between; by default those of the app", collectNames)
    .option("-c, --concurrency <count>", "tasks at a time; by default one a processor", parseCount)
    .addOption(new Option("-P, --pool <kind>", "where tasks run").choices(POOL_KINDS))
    .option("-n, --hostname <name>", "node name, as in images@%h; %h is the machine's name")
    .option("-E, --events", "send task events")
    .option("--autoscale <max,min>", "keep between so many slots, instead of --concurrency", parseAutoscale)
    .option("--max-tasks-per-child <count>", "replace a process or thread after so many tasks", parseCount)
    .option("--max-memory-per-child <KiB>", "replace one found larger after a task", parseCount)
    .option("--time-limit <seconds>", "end tasks that run longer, unless they say otherwise", parseSeconds)
    .option(
      "--soft-time-limit <seconds>",
      "abort tasks' signals after this time, unless they say otherwise",
      parseSeconds,
    )
    .option("--prefetch-multiplier <count>", "messages held for each slot; 0 for no limit", parseWhole)
    .option("--health-port <port>", "answer /healthz and /readyz over HTTP there", parsePort)
    .addOption(
      new Option("--log-format <format>", "lines for people, JSON, or by where the log goes")
        .choices(LOG_FORMATS)
        .default("auto"),
    )
    .addOption(new Option("--stop-with-parent").hideHelp())
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<WorkerCommandOptions>(command);
      if (options.autoscale && options.concurrency !== undefined)
        throw usageError("give --autoscale or --concurrency, not both");
      const opened = await openApp(options, settingsOf(options));
      report(await runWorker(opened, options));
    });

/** Runs a worker until it has stopped; closes the app. */
async function runWorker(opened: OpenedApp, options: WorkerCommandOptions & GlobalOptions): Promise<ExitCode> {
  const { app } = opened;
  const text = options.logFormat === "auto" ? process.stderr.isTTY === true : options.logFormat === "text";
  const logger = createLogger({ level: options.loglevel, pretty: text });
  app.logTo(logger);
  const worker = makeWorker(opened, options, logger);
  const signals = new ShutdownSignals();
  try {
    announce(worker, opened, { text, logger });
    await serve(worker, signals, { logger, withParent: options.stopWithParent ?? false });
    logger.info(`worker ${worker.hostname} has stopped`);
    return signals.asked === "cold" ? EXIT.failure : EXIT.ok;
  } finally {
    signals.stop();
    await withDeadline(app.close(), CLOSE_TIMEOUT, () => new Error("connections did not close in time")).catch(
      (error: unknown) => logger.warn("could not close everything", { error: String(error) }),
    );
  }
}

async function serve(
  worker: Worker,
  signals: ShutdownSignals,
  { logger, withParent }: { readonly logger: Logger; readonly withParent: boolean },
): Promise<void> {
  let stopping: Promise<void> = Promise.resolve();
  const onShutdown = (how: Shutdown): void => {
    remarkShutdown(how, logger);
    stopping = how === "cold" ? worker.abort() : worker.stop();
    // Awaited below; until then it must not count as forgotten.
    stopping.catch(() => undefined);
  };
  signals.start(onShutdown, { withParent });
  await worker.start();
  // A signal during the start stops it right away.
  logger.info(`worker ${worker.hostname} is ready`);
  await worker.stopped;
  await stopping;
}

function remarkShutdown(how: Shutdown, logger: Logger): void {
  if (how === "cold") logger.warn("cold shutdown: what runs is ended and given back");
  else logger.warn("warm shutdown: finishing what runs, giving back the rest; Ctrl-C again ends at once");
}

function makeWorker({ app, path }: OpenedApp, options: WorkerCommandOptions, logger: Logger): Worker {
  const { queues, pool, concurrency, autoscale, hostname, events, maxTasksPerChild, maxMemoryPerChild } = options;
  return new Worker({
    app,
    logger,
    ...(path !== undefined && { appPath: path }),
    ...(queues && { queues: [...new Set(queues)] }),
    ...(pool && { pool }),
    ...(concurrency !== undefined && { concurrency }),
    ...(autoscale && { autoscale }),
    ...(hostname !== undefined && { hostname: nodeName(hostname) }),
    ...(events && { events }),
    ...(maxTasksPerChild !== undefined && { maxTasksPerChild }),
    ...(maxMemoryPerChild !== undefined && { maxMemoryPerChild }),
  });
}

/** As Celery does: a name without a host gets this machine's. */
function nodeName(given: string): string {
  return given.includes("@") ? given : `${given}@%h`;
}

function settingsOf(options: WorkerCommandOptions): LovageSettings {
  const { timeLimit, softTimeLimit, prefetchMultiplier, healthPort } = options;
  return {
    ...(timeLimit !== undefined && { taskTimeLimit: timeLimit || null }),
    ...(softTimeLimit !== undefined && { taskSoftTimeLimit: softTimeLimit || null }),
    ...(prefetchMultiplier !== undefined && { workerPrefetchMultiplier: prefetchMultiplier }),
    ...(healthPort !== undefined && { workerHealthPort: healthPort }),
  };
}

function parseAutoscale(text: string): AutoscaleRange {
  const match = /^(\d{1,5})(?:,(\d{1,5}))?$/.exec(text);
  const max = Number(match?.[1]);
  const min = Number(match?.[2] ?? 1);
  if (match && min >= 1 && max >= min) return { max, min };
  throw new InvalidArgumentError("It is max,min with max ≥ min ≥ 1, as in 10,3.");
}

function parseWhole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number, 0 or more.");
}
