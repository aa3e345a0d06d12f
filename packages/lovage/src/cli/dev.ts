import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { appFile } from "../load-app.js";
import { POOL_KINDS, type PoolKind } from "../pool-kind.js";
import { deferred } from "../util/deferred.js";
import type { CommandMaker } from "./command-maker.js";
import { addConsoleOptions } from "./console.js";
import type { ConsoleOptions } from "./console-options.js";
import { DevOutput } from "./dev/dev-output.js";
import { DevSession } from "./dev/dev-session.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { collectNames, type GlobalOptions, optionsOf, parseCount, parseSeconds } from "./global-options.js";
import { requireAppPath } from "./open-app.js";
import { ShutdownSignals } from "./shutdown-signals.js";

interface DevCommandOptions extends ConsoleOptions {
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly pool?: PoolKind;
  /** False for `--no-console`. */
  readonly console: boolean;
  readonly watch?: readonly string[];
  readonly grace: number;
}

const HELP_AFTER = `
Starts a worker that sends events, and the console, and starts both again when a source in the app's folder changes (TypeScript or
JavaScript; node_modules, dist and hidden folders are left out). A worker finishes its tasks first. While the app cannot be loaded, the error is
shown and the last state goes on. For your own machine: in production, run \`lovage worker\` and \`lovage console\` each by itself.

Examples:
  lovage dev --app ./tasks.ts
  lovage dev -A ./src/tasks.ts -c 2 --port 8080 --watch ./lib`;

/** `lovage dev`: worker and console in one command, restarted when sources change. */
export const devCommand: CommandMaker = (report) =>
  addConsoleOptions(new Command("dev"))
    .description("run a worker and the console, and restart them when sources change")
    .option("--no-console", "the worker alone")
    .option("-Q, --queues <names>", "queues to consume, with commas between; by default those of the app", collectNames)
    .option("-c, --concurrency <count>", "tasks at a time; by default one a processor", parseCount)
    .addOption(new Option("-P, --pool <kind>", "where tasks run").choices(POOL_KINDS))
    .option("--watch <folders>", "further folders to watch, with commas between", collectNames)
    .option("--grace <seconds>", "how long tasks may take to finish when the worker is restarted", parseSeconds, 10)
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      report(await runDev(optionsOf<DevCommandOptions>(command)));
    });

async function runDev(options: DevCommandOptions & GlobalOptions): Promise<ExitCode> {
  const app = requireAppPath(options);
  const globals = globalArguments(options, app);
  const port = options.port === 0 ? await freePort(options.host) : options.port;
  const session = new DevSession({
    globals,
    worker: ["worker", ...globals, ...workerArguments(options)],
    console: options.console ? ["console", ...globals, ...consoleArguments({ ...options, port })] : undefined,
    folders: [...new Set([dirname(appFile(app)), ...(options.watch ?? []).map((folder) => resolve(folder))])],
    grace: options.grace,
    output: new DevOutput(process.stderr),
  });
  return await untilSignal(session);
}

async function untilSignal(session: DevSession): Promise<ExitCode> {
  const signals = new ShutdownSignals();
  const asked = deferred<void>();
  signals.start((how) => {
    asked.resolve();
    if (how === "cold") session.hurry();
  });
  try {
    await session.start();
    await asked.promise;
  } finally {
    await session.stop();
    signals.stop();
  }
  return signals.asked === "cold" ? EXIT.failure : EXIT.ok;
}

function globalArguments({ broker, resultBackend, loglevel }: GlobalOptions, app: string): readonly string[] {
  return [
    "--app",
    app,
    "--loglevel",
    loglevel,
    ...flag("--broker", broker),
    ...flag("--result-backend", resultBackend),
  ];
}

function workerArguments({ queues, concurrency, pool }: DevCommandOptions): readonly string[] {
  return [
    "--events",
    "--log-format",
    "text",
    ...flag("--queues", queues?.join(",")),
    ...flag("--concurrency", concurrency),
    ...flag("--pool", pool),
  ];
}

function consoleArguments(options: ConsoleOptions): readonly string[] {
  const { host, port, urlPrefix, auth, readOnly, trustProxy, userHeader, headerRole, metricsPublic, store } = options;
  return [
    "--log-format",
    "text",
    ...flag("--host", host),
    ...flag("--port", port),
    ...flag("--url-prefix", urlPrefix || undefined),
    ...flag("--auth", auth),
    ...(readOnly ? ["--read-only"] : []),
    ...flag("--trust-proxy", trustProxy?.join(",")),
    ...flag("--user-header", userHeader),
    ...flag("--header-role", headerRole),
    ...(metricsPublic ? ["--metrics-public"] : []),
    ...flag("--store", store),
  ];
}

function flag(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [name, String(value)];
}

/** One port for all the consoles that follow one another, so that an open page finds the next. */
async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(0, host, done);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}
