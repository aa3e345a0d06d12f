import { Command } from "commander";
import { receiveEvents } from "../events/event-receiver.js";
import { TaskViews } from "../events/task-views.js";
import type { ReceivedEvent } from "../protocol/events.js";
import { printable } from "../util/printable.js";
import type { CommandMaker } from "./command-maker.js";
import { optionsOf, parseCount, parseSeconds } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson, remark } from "./output.js";
import { paint } from "./table.js";

interface EventsOptions {
  readonly dump?: boolean;
  readonly enable?: boolean;
  readonly count?: number;
  readonly timeout?: number;
}

const HELP_AFTER = `
Task events are sent by workers that were started with -E, or told so: --enable does that. Ends with Ctrl-C.

Examples:
  lovage events --enable
  lovage events --dump
  lovage events --json | jq 'select(.type == "task-failed")'`;

/** `lovage events`: what happens, as it happens. */
export const eventsCommand: CommandMaker = () =>
  new Command("events")
    .description("show events of workers and tasks as they happen")
    .option("--dump", "all members of each event, as it came")
    .option("--enable", "tell all workers to send task events")
    .option("-n, --count <events>", "end after so many", parseCount)
    .option("--timeout <seconds>", "end after this time", parseSeconds)
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<EventsOptions>(command);
      const show = options.json ? ({ fields }: ReceivedEvent) => printJson(fields) : options.dump ? dump : shower();
      await untilInterrupted(options.timeout, (signal) =>
        withApp(options, async (app) => {
          const { broadcast } = await app.direct.broker();
          if (options.enable) await app.direct.control("enable_events", {});
          if (!options.json) remark("waiting for events; Ctrl-C ends");
          let left = options.count ?? Number.POSITIVE_INFINITY;
          for await (const event of receiveEvents({ broadcast, signal, logger: app.logger })) {
            show(event);
            left--;
            if (left === 0) return;
          }
        }),
      );
    });

/** Gives `body` a signal that aborts on Ctrl-C, on SIGTERM and after `timeout` seconds. */
async function untilInterrupted(
  timeout: number | undefined,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = timeout === undefined ? undefined : setTimeout(end, timeout * 1000);
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  try {
    await body(ending.signal);
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
  }
}

function dump(event: ReceivedEvent): void {
  const { type, timestamp, hostname } = event;
  const members = Object.entries(event.fields).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
  print([`${instant(timestamp)} ${hostname} ${paint("bold", type)}`, ...members].join("\n"));
}

/** Shows each event in one line, with its task's name, which most events leave out. */
function shower(): (event: ReceivedEvent) => void {
  const views = new TaskViews();
  return (event) => {
    const view = views.apply(event);
    const subject = view ? `${view.name ?? ""}[${view.id}] ` : "";
    print(
      printable(`${instant(event.timestamp)} ${event.hostname} ${event.type} ${subject}${detail(event)}`.trimEnd()),
    );
  };
}

function detail(event: ReceivedEvent): string {
  const { fields } = event;
  switch (event.type) {
    case "task-received":
      return `args=${text(fields.args)} kwargs=${text(fields.kwargs)}`;
    case "task-succeeded":
      return `in ${Number(fields.runtime).toFixed(3)} s: ${text(fields.result)}`;
    case "task-failed":
    case "task-retried":
      return text(fields.exception);
    case "task-log":
      return `${text(fields.level)}: ${text(fields.message)}`;
    case "task-progress":
      return `${text(fields.current)}/${text(fields.total ?? "?")} ${text(fields.message ?? "")}`;
    case "worker-heartbeat":
      return `active=${text(fields.active ?? "?")} processed=${text(fields.processed ?? "?")}`;
    default:
      return "";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function instant(timestamp: number): string {
  const at = new Date(timestamp * 1000);
  return Number.isNaN(at.getTime()) ? "-" : at.toISOString();
}
