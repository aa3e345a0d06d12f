import { Command, InvalidArgumentError } from "commander";
import type { Lovage } from "../app.js";
import type { ApplyOptions } from "../call.js";
import { nearestName } from "../util/nearest-name.js";
import { validateInput } from "../validate-input.js";
import type { CommandMaker } from "./command-maker.js";
import { usageError } from "./exit-codes.js";
import { optionsOf, parseInstantOption, parseJsonArray, parseJsonObject, parseSeconds } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson, remark } from "./output.js";
import { showResult } from "./result.js";

interface CallOptions {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly countdown?: number;
  readonly eta?: Date;
  readonly expires?: number | Date;
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly priority?: number;
  readonly id?: string;
  readonly wait?: boolean;
  readonly timeout?: number;
}

const EXAMPLES = `
Examples:
  lovage call shop.add --args '[2, 3]'
  lovage call shop.resize --kwargs '{"url": "https://example.com/a.png", "width": 80}' --queue images
  lovage call shop.add --args '[2, 3]' --countdown 60 --expires 2026-12-24T18:00:00Z
  lovage call shop.add --args '[2, 3]' --wait --timeout 10`;

/** `lovage call`: sends a task by name. */
export const callCommand: CommandMaker = (report) =>
  new Command("call")
    .description("send a task by name; prints its id, or with --wait its result")
    .argument("<name>", "the task's registered name; it may live in Python")
    .option("-a, --args <json>", "positional arguments, a JSON array", parseJsonArray, [])
    .option(
      "-k, --kwargs <json>",
      "keyword arguments, or the one object that a task with an input schema takes",
      parseJsonObject,
      {},
    )
    .option("--countdown <seconds>", "run this long from now", parseSeconds)
    .option("--eta <instant>", "run at this instant, ISO 8601", parseInstantOption)
    .option("--expires <when>", "seconds from now, or an instant, after which it is not run any more", parseExpires)
    .option("-q, --queue <name>", "queue to send it to")
    .option("--exchange <name>", "exchange to send it through")
    .option("--routing-key <key>", "routing key, with --exchange")
    .option("--priority <0-9>", "9 is the most urgent; only on queues that have priorities", parsePriority)
    .option("--id <id>", "the task's id, instead of a new one")
    .option("-w, --wait", "wait for the result and print it")
    .option("--timeout <seconds>", "with --wait, give up after this time; the task goes on", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = optionsOf<CallOptions>(command);
      if (options.countdown !== undefined && options.eta) throw usageError("give --countdown or --eta, not both");
      await withApp(options, async (app) => {
        await checkCall(app, name, options);
        const result = await app.sendTask(name, options.args, { ...applyOptions(options), kwargs: options.kwargs });
        if (options.wait) report(await showResult(result, { ...options, wait: true }));
        else if (options.json) printJson({ id: result.id, name });
        else print(result.id);
      });
    });

/** What the task's own schema refuses is refused here, before it is sent. */
async function checkCall(app: Lovage, name: string, { kwargs, args }: CallOptions): Promise<void> {
  const definition = app.findTask(name);
  if (definition?.input) {
    if (args.length > 0) throw usageError(`${name} takes one object: give it with --kwargs, not --args`);
    await validateInput(definition.input, kwargs, name);
  }
  if (definition || app.taskNames.length === 0) return;
  const near = nearestName(name, app.taskNames);
  remark(
    `note: this app has no task ${name}${near === undefined ? "" : ` (did you mean ${near}?)`}; it is sent all the same`,
  );
}

function applyOptions(options: CallOptions): ApplyOptions {
  const { countdown, eta, expires, queue, exchange, routingKey, priority, id } = options;
  return {
    ...(countdown !== undefined && { countdown }),
    ...(eta && { eta }),
    ...(expires !== undefined && { expires }),
    ...(queue !== undefined && { queue }),
    ...(exchange !== undefined && { exchange }),
    ...(routingKey !== undefined && { routingKey }),
    ...(priority !== undefined && { priority }),
    ...(id !== undefined && { taskId: id }),
  };
}

function parseExpires(text: string): number | Date {
  return /^\d+(\.\d+)?$/.test(text) ? parseSeconds(text) : parseInstantOption(text);
}

function parsePriority(text: string): number {
  if (/^\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number from 0 to 9.");
}
