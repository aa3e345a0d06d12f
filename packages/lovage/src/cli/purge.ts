import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import type { CommandMaker } from "./command-maker.js";
import { usageError } from "./exit-codes.js";
import { collectNames, optionsOf } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";

interface PurgeOptions {
  readonly queues?: readonly string[];
  readonly force?: boolean;
}

const HELP_AFTER = `
Messages that workers hold stay. There is no way back: dead letters are kept, purged messages are not.

Examples:
  lovage purge                      asks first
  lovage purge -Q images,mail -f    does not ask`;

/** `lovage purge`: empties queues. */
export const purgeCommand: CommandMaker = () =>
  new Command("purge")
    .description("delete all messages that wait in the queues")
    .option("-Q, --queues <names>", "queues, with commas between; by default those of the app", collectNames)
    .option("-f, --force", "do not ask")
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<PurgeOptions>(command);
      await withApp(options, async (app) => {
        const names = options.queues ?? app.router.defaultQueues().map(({ name }) => name);
        if (!options.force && !(await confirmed(names))) return print("nothing was deleted");
        const { queues } = await app.direct.broker();
        const purged = new Map<string, number>();
        for (const name of names) purged.set(name, (await queues.counts(name)) ? await queues.purge(name) : 0);
        if (options.json) return printJson({ purged });
        for (const [name, count] of purged) print(`${name}: ${count} ${count === 1 ? "message" : "messages"} deleted`);
      });
    });

async function confirmed(names: readonly string[]): Promise<boolean> {
  if (!process.stdin.isTTY) throw usageError("purge deletes messages for good: add --force where it cannot ask");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Delete all messages that wait in ${names.join(", ")}? [yes/no] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
