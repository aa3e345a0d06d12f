import { Command } from "commander";
import type { Broker, PeekedMessage, QueueCounts } from "../brokers/broker.js";
import { peekTaskHeaders } from "../protocol/task-message.js";
import type { CommandMaker } from "./command-maker.js";
import { CommandFailed, EXIT } from "./exit-codes.js";
import { optionsOf, parseCount } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";
import { formatTable } from "./table.js";

interface QueuesOptions {
  readonly limit: number;
}

const EXAMPLES = `
Examples:
  lovage queues                   all queues with their counts
  lovage queues celery            the messages that wait in one of them
  lovage queues celery --json`;

/** `lovage queues`: what waits. */
export const queuesCommand: CommandMaker = () =>
  new Command("queues")
    .description("show all queues with their counts, or the messages of one")
    .argument("[name]", "a queue whose messages to show; they stay where they are")
    .option("--limit <count>", "messages to show", parseCount, 20)
    .addHelpText("after", EXAMPLES)
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { limit, ...options } = optionsOf<QueuesOptions>(command);
      await withApp(options, async (app) => {
        const broker = await app.direct.broker();
        if (name === undefined) await showQueues(broker, options.json ?? false);
        else await showMessages(broker, name, limit, options.json ?? false);
      });
    });

async function showQueues({ queues }: Broker, json: boolean): Promise<void> {
  const rows: (QueueCounts & { readonly name: string })[] = [];
  for (const name of await queues.list()) {
    const counts = await queues.counts(name);
    if (counts) rows.push({ name, ...counts });
  }
  if (json) return printJson(rows);
  if (rows.length === 0) return print("no queues yet: they are made when a worker starts or a task is sent");
  print(
    formatTable(
      [
        { title: "QUEUE", value: ({ name }) => name },
        { title: "READY", value: ({ ready }) => ready, align: "right" },
        { title: "UNACKED", value: ({ unacked }) => unacked, align: "right" },
        { title: "SCHEDULED", value: ({ scheduled }) => scheduled, align: "right" },
        { title: "CONSUMERS", value: ({ consumers }) => consumers, align: "right" },
        { title: "OLDEST", value: ({ oldest }) => oldest },
      ],
      rows,
    ),
  );
}

async function showMessages({ queues }: Broker, name: string, limit: number, json: boolean): Promise<void> {
  const counts = await queues.counts(name);
  if (!counts)
    throw new CommandFailed(`there is no queue ${JSON.stringify(name)}: lovage queues lists them`, EXIT.failure);
  const rows = (await queues.peek(name, { limit })).map(shownMessage);
  if (json) return printJson({ name, ...counts, messages: rows });
  if (rows.length === 0) return print(`${name} is empty`);
  print(
    formatTable(
      [
        { title: "ID", value: ({ id }) => id },
        { title: "TASK", value: ({ task }) => task },
        { title: "STATE", value: ({ state }) => state },
        { title: "ARGS", value: ({ argsrepr }) => argsrepr, maxWidth: 40 },
        { title: "ETA", value: ({ eta }) => eta },
        { title: "DELIVERIES", value: ({ deliveries }) => deliveries, align: "right" },
      ],
      rows,
    ),
  );
  const all = counts.ready + counts.scheduled + counts.unacked;
  if (all > rows.length) print(`… and ${all - rows.length} more`);
}

function shownMessage({ key, message, state, eta, deliveries, published }: PeekedMessage) {
  const { id, task } = peekTaskHeaders(message);
  const { argsrepr, kwargsrepr } = message.headers;
  return { key, id, task, state, argsrepr, kwargsrepr, eta, deliveries, published };
}
