import { Command, CommanderError } from "commander";
import { SOFTWARE } from "../protocol/software.js";
import { callCommand } from "./call.js";
import { consoleCommand } from "./console.js";
import { controlCommand } from "./control.js";
import { deadLettersCommand } from "./dead-letters.js";
import { describeFailure } from "./describe-failure.js";
import { devCommand } from "./dev.js";
import { eventsCommand } from "./events.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { addGlobalOptions } from "./global-options.js";
import { inspectCommand } from "./inspect.js";
import { migrateCommand } from "./migrate.js";
import { purgeCommand } from "./purge.js";
import { queuesCommand } from "./queues.js";
import { reportCommand } from "./report.js";
import { resultCommand } from "./result.js";
import { statusCommand } from "./status.js";
import { workerCommand } from "./worker.js";

const HELP_AFTER = `
Without --app, the first of ./tasks, ./app, ./celery (.ts .mts .js .mjs), then the same in ./src, is taken. Commands that
need no tasks work with --broker, or LOVAGE_BROKER_URL, alone. All settings also come from LOVAGE_… in the environment.

Examples:
  lovage worker --app ./tasks.ts --concurrency 4 --loglevel info
  lovage call shop.add --args '[2, 3]' --wait
  lovage inspect active
  lovage status --broker sqlite:shop.db --json

Exit codes:
  0 done   1 the task failed, a worker refused, or an unforeseen error   64 wrong command line
  69 broker or results unreachable, or no worker answered   75 the wait was over first   78 app or settings wrong`;

/** The whole command line. Parsing it runs the command; `report` is told how that ended. */
export function buildProgram(report: (code: ExitCode) => void): Command {
  const program = addGlobalOptions(new Command("lovage"))
    .description("Celery for TypeScript: workers, calls, results and remote control")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpCommand("help [command]", "show what a command takes")
    .helpOption("-h, --help", "show this help")
    .version(SOFTWARE.sw_ver, "-V, --version", "show the version")
    .addHelpText("after", HELP_AFTER)
    .showSuggestionAfterError(true)
    .exitOverride();
  const commands = [
    workerCommand,
    consoleCommand,
    devCommand,
    callCommand,
    resultCommand,
    inspectCommand,
    controlCommand,
    statusCommand,
    eventsCommand,
    queuesCommand,
    purgeCommand,
    deadLettersCommand,
    migrateCommand,
    reportCommand,
  ];
  for (const make of commands) program.addCommand(adopt(make(report), program));
  return program;
}

/** Runs one command line and returns the exit code. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram((reported) => {
    code = reported;
  });
  // What a command waits for may hold nothing open that Node counts: it would end as if nothing were left to do.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { text, exitCode } = describeFailure(error, { stack: isDebug(args) });
    process.stderr.write(`lovage: ${text}\n`);
    return exitCode;
  } finally {
    clearInterval(alive);
  }
}

/** Commander hands settings down to the subcommands it makes itself, not to those that are added. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) adopt(child, command);
  return command;
}

function isDebug(args: readonly string[]): boolean {
  const text = args.join(" ");
  return /(^|\s)(--loglevel[= ]|-l ?=?)debug(\s|$)/i.test(text);
}
