import { Command } from "commander";
import { type DeadLetter, DeadLetters } from "../dead-letters.js";
import { peekTaskHeaders } from "../protocol/task-message.js";
import type { CommandMaker } from "./command-maker.js";
import { CommandFailed, EXIT, usageError } from "./exit-codes.js";
import { type GlobalOptions, optionsOf, parseCount } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";
import { formatTable } from "./table.js";

interface ListOptions {
  readonly limit: number;
}
interface ChooseOptions {
  readonly all?: boolean;
  readonly queue?: string;
}

/** Letters read at a time. */
const PAGE = 500;

const EXAMPLES = `
A dead letter is named by its key or by its task's id.

Examples:
  lovage dead-letters list
  lovage dead-letters show 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10
  lovage dead-letters replay --all
  lovage dead-letters replay 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10 --queue mended
  lovage dead-letters delete 17 18`;

/** `lovage dead-letters`: messages that could not be run, with the evidence. */
export const deadLettersCommand: CommandMaker = () => {
  const group = new Command("dead-letters")
    .description("list, show, replay or delete messages that could not be run")
    .addHelpText("after", EXAMPLES);
  group
    .command("list", { isDefault: true })
    .description("list them, oldest first")
    .option("--limit <count>", "how many to show", parseCount, 50)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<ListOptions>(command);
      await withDeadLetters(options, (letters) => list(letters, options));
    });
  group
    .command("show")
    .description("show all that is known of one, or several")
    .argument("<ids...>", "keys or task ids")
    .action(async (ids: readonly string[], _options: unknown, command: Command) => {
      const options = optionsOf(command);
      await withDeadLetters(options, async (letters) => {
        const shown = (await find(letters, ids)).map(shownLetter);
        if (options.json) return printJson(shown);
        for (const letter of shown) print(details(letter));
      });
    });
  group
    .command("replay")
    .description("send them to the queue they came from")
    .argument("[ids...]", "keys or task ids")
    .option("--all", "all of them")
    .option("-q, --queue <name>", "send them to this queue instead")
    .action(async (ids: readonly string[], _options: unknown, command: Command) => {
      const options = optionsOf<ChooseOptions>(command);
      await withDeadLetters(options, async (letters) => {
        const keys = await chosenKeys(letters, ids, options);
        const count = await letters.replay(keys, options.queue === undefined ? {} : { queue: options.queue });
        tell("replayed", count, options);
      });
    });
  group
    .command("delete")
    .description("delete them for good")
    .argument("[ids...]", "keys or task ids")
    .option("--all", "all of them")
    .action(async (ids: readonly string[], _options: unknown, command: Command) => {
      const options = optionsOf<ChooseOptions>(command);
      await withDeadLetters(options, async (letters) => {
        tell("deleted", await letters.remove(await chosenKeys(letters, ids, options)), options);
      });
    });
  return group;
};

async function withDeadLetters(options: GlobalOptions, body: (letters: DeadLetters) => Promise<void>): Promise<void> {
  await withApp(options, async (app) => await body(new DeadLetters(await app.direct.broker())));
}

async function list(letters: DeadLetters, { limit, json }: ListOptions & GlobalOptions): Promise<void> {
  const shown = (await letters.list({ limit })).map(shownLetter);
  if (json) return printJson(shown);
  if (shown.length === 0) return print("no dead letters");
  print(
    formatTable(
      [
        { title: "KEY", value: ({ key }) => key },
        { title: "TASK", value: ({ task }) => task },
        { title: "ID", value: ({ id }) => id },
        { title: "REASON", value: ({ reason }) => reason },
        { title: "QUEUE", value: ({ queue }) => queue },
        { title: "DIED", value: ({ died }) => died },
        { title: "ERROR", value: ({ error }) => error, maxWidth: 60 },
      ],
      shown,
    ),
  );
  const all = await letters.count();
  if (all > shown.length) print(`… and ${all - shown.length} more`);
}

/** Keys of those that were named. Throws when one of them is not there, so that nothing is done by halves. */
async function chosenKeys(
  letters: DeadLetters,
  ids: readonly string[],
  { all }: ChooseOptions,
): Promise<readonly string[]> {
  if (all && ids.length > 0) throw usageError("give ids or --all, not both");
  if (!all && ids.length === 0) throw usageError("name dead letters by key or task id, or give --all");
  const found = all ? await readAll(letters) : await find(letters, ids);
  return found.map(({ key }) => key);
}

async function find(letters: DeadLetters, ids: readonly string[]): Promise<readonly DeadLetter[]> {
  const all = await readAll(letters);
  return ids.flatMap((id) => {
    const found = all.filter((letter) => letter.key === id || peekTaskHeaders(letter.message).id === id);
    if (found.length === 0) {
      throw new CommandFailed(
        `there is no dead letter ${JSON.stringify(id)}: lovage dead-letters list shows them`,
        EXIT.failure,
      );
    }
    return found;
  });
}

async function readAll(letters: DeadLetters): Promise<readonly DeadLetter[]> {
  const all: DeadLetter[] = [];
  for (;;) {
    const page = await letters.list({ limit: PAGE, offset: all.length });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

function shownLetter({ key, message, death }: DeadLetter) {
  const { id, task } = peekTaskHeaders(message);
  const { argsrepr, kwargsrepr } = message.headers;
  return { key, id, task, argsrepr, kwargsrepr, ...death };
}

function details(letter: object): string {
  const lines = Object.entries(letter).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return `${lines.map(([name, value]) => `${`${name}:`.padEnd(12)} ${String(value)}`).join("\n")}\n`;
}

function tell(done: string, count: number, { json }: GlobalOptions): void {
  if (json) printJson({ [done]: count });
  else print(`${count} ${count === 1 ? "dead letter" : "dead letters"} ${done}`);
}
