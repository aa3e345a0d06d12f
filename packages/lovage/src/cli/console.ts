import { Command, Option } from "commander";
import { createLogger } from "../logging.js";
import { withDeadline } from "../util/deadline.js";
import { deferred } from "../util/deferred.js";
import type { Logger } from "../util/logger.js";
import type { CommandMaker } from "./command-maker.js";
import {
  AUTH_MODES,
  type ConsoleOptions,
  consoleOptions,
  parseHeaderName,
  parseUrlPrefix,
  ROLES,
  type Role,
} from "./console-options.js";
import { loadConsolePackage, type RunningConsole } from "./console-package.js";
import { EXIT, type ExitCode, usageError } from "./exit-codes.js";
import { collectNames, type GlobalOptions, optionsOf, parsePort } from "./global-options.js";
import { LOG_FORMATS, type LogFormat } from "./log-format.js";
import { openAppOrBroker } from "./open-app.js";
import { print } from "./output.js";
import { readPassword } from "./read-password.js";
import { type Shutdown, ShutdownSignals } from "./shutdown-signals.js";

interface ConsoleCommandOptions extends ConsoleOptions {
  readonly logFormat: LogFormat;
  readonly stopWithParent?: boolean;
}

/** Seconds for open pages and connections to be closed. */
const STOP_TIMEOUT = 10;

const HELP_AFTER = `
Without --auth, everyone on this machine may come in, and nobody else: --host beyond 127.0.0.1 needs --auth basic or header. What
consoleUsers (LOVAGE_CONSOLE_USERS) lists may log in; \`lovage console hash-password\` makes its entries. The console needs the package
@lovage/console, and no Lovage worker: a broker with Python's Celery is enough.

Examples:
  lovage console --app ./tasks.ts
  lovage console --broker redis://localhost:6379/0 --port 5555
  lovage console --app ./tasks.ts --host 0.0.0.0 --auth basic --url-prefix /lovage`;

/** `lovage console`: serves the web console until it is told to stop. */
export const consoleCommand: CommandMaker = (report) =>
  addConsoleOptions(new Command("console"))
    .description("serve the web console")
    .addOption(
      new Option("--log-format <format>", "lines for people, JSON, or by where the log goes")
        .choices(LOG_FORMATS)
        .default("auto"),
    )
    .addOption(new Option("--stop-with-parent").hideHelp())
    .addHelpText("after", HELP_AFTER)
    .addCommand(hashPasswordCommand())
    .action(async (_options: unknown, command: Command) => {
      report(await runConsole(optionsOf<ConsoleCommandOptions>(command)));
    });

/** The flags that say how the console is served; `lovage dev` takes them too. */
export function addConsoleOptions(command: Command): Command {
  return command
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes any that is free", parsePort, 8000)
    .option("--url-prefix <path>", "path under which it is served, as in /console", parseUrlPrefix, "")
    .addOption(
      new Option("--auth <mode>", "how people are known; basic when there are consoleUsers").choices(AUTH_MODES),
    )
    .option("--read-only", "nobody may change anything")
    .option(
      "--trust-proxy <addresses>",
      "proxies that may say who asks: addresses or ranges, with commas",
      collectNames,
    )
    .option("--user-header <name>", "with --auth header: where they name the user", parseHeaderName, "x-forwarded-user")
    .addOption(
      new Option("--header-role <role>", "with --auth header: role of users that consoleUsers does not list")
        .choices(ROLES)
        .default("viewer"),
    )
    .option("--metrics-public", "answer /metrics without a token")
    .option("--store <url>", "where it keeps what it has seen, instead of consoleStore");
}

async function runConsole(options: ConsoleCommandOptions & GlobalOptions): Promise<ExitCode> {
  // Before the app is loaded: what is not installed is told at once.
  const { open } = await loadConsolePackage();
  const { app, path } = await openAppOrBroker(options);
  const text = options.logFormat === "auto" ? process.stderr.isTTY === true : options.logFormat === "text";
  const logger = createLogger({ level: options.loglevel, pretty: text });
  app.logTo(logger);
  try {
    const console = open({ app, hasApp: path !== undefined, options: consoleOptions(options), logger });
    return await serve(console, { logger, withParent: options.stopWithParent ?? false });
  } finally {
    await inTime(app.close(), "connections", logger);
  }
}

/** Runs it until a signal comes; a second one ends it at once. */
async function serve(
  console: RunningConsole,
  { logger, withParent }: { readonly logger: Logger; readonly withParent: boolean },
): Promise<ExitCode> {
  const signals = new ShutdownSignals();
  const asked = deferred<void>();
  const hurried = deferred<void>();
  const onShutdown = (how: Shutdown): void => {
    asked.resolve();
    if (how === "cold") hurried.resolve();
  };
  signals.start(onShutdown, { withParent });
  try {
    const { url } = await console.start();
    logger.info(`the console is at ${url} (Ctrl-C stops it)`);
    await asked.promise;
    await Promise.race([inTime(console.stop(), "the console", logger), hurried.promise]);
    logger.info("the console has stopped");
    return signals.asked === "cold" ? EXIT.failure : EXIT.ok;
  } catch (error) {
    await inTime(console.stop(), "the console", logger);
    throw error;
  } finally {
    signals.stop();
  }
}

async function inTime(closing: Promise<void>, what: string, logger: Logger): Promise<void> {
  await withDeadline(closing, STOP_TIMEOUT, () => new Error("it took too long")).catch((error: unknown) =>
    logger.warn(`${what} did not close`, { error: String(error) }),
  );
}

function hashPasswordCommand(): Command {
  return new Command("hash-password")
    .description("make an entry of consoleUsers; the password is read from standard input")
    .option("--name <name>", "who logs in", "admin")
    .addOption(new Option("--role <role>", "what they may do").choices(ROLES).default("admin"))
    .addHelpText(
      "after",
      `
Example:
  LOVAGE_CONSOLE_USERS="$(lovage console hash-password --name ann --role operator)" lovage console --app ./tasks.ts`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { name, role } = command.opts<{ readonly name: string; readonly role: Role }>();
      if (!/^[^\p{C}:,]{1,100}$/u.test(name) || name.trim() !== name) {
        throw usageError(`--name ${JSON.stringify(name)}: a name has no colon, comma or line break`);
      }
      const { hashPassword } = await loadConsolePackage();
      print(`${name}:${role}:${await hashPassword(await readPassword())}`);
    });
}
