import { reprValue } from "../../protocol/repr.js";
import { reportText, shownSettings, snakeCase } from "../../report.js";
import type { TaskDefinition } from "../../task.js";
import type { Worker } from "../worker.js";
import { type CommandContext, type ControlCommands, ok } from "./command.js";
import { workerStats } from "./stats.js";

/** Attributes that `registered` shows unless others are asked for, as in Celery. */
const DEFAULT_ATTRIBUTES = ["exchange", "routing_key", "rate_limit"] as const;

/** Source: celery-protocol 9.3. */
export const INFORMATION_COMMANDS: ControlCommands = {
  ping: { run: () => ok("pong") },
  clock: { run: ({ worker }) => ({ clock: worker.lamport.value }) },
  stats: { run: ({ worker }) => workerStats(worker) },
  registered: { run: registered },
  conf: {
    run: ({ worker, args }) => shownSettings(worker.app.settings, { withDefaults: args.flag("with_defaults") }),
  },
  report: { run: ({ worker }) => ok(reportText(worker.app)) },
  memsample: { run: () => megabytes() },
  memdump: { run: () => `- rss: ${megabytes()}.\n` },
};

function registered({ worker, args }: CommandContext): readonly string[] {
  const asked = args.raw("taskinfoitems");
  const attributes = Array.isArray(asked) && asked.length > 0 ? args.texts("taskinfoitems") : DEFAULT_ATTRIBUTES;
  const shown = worker.app.taskNames.filter((name) => args.flag("builtins") || !name.startsWith("celery."));
  return shown.map((name) => describe(worker, name, attributes));
}

/** `name`, or `name [rate_limit=1/m]`. */
function describe(worker: Worker, name: string, attributes: readonly string[]): string {
  const definition = worker.app.findTask(name);
  if (!definition) return name;
  const values = attributesOf(worker, definition);
  const shown = attributes.flatMap((attribute) => {
    const value = values.get(attribute);
    return value === undefined || value === null ? [] : [`${attribute}=${plainText(value)}`];
  });
  return shown.length === 0 ? name : `${name} [${shown.join(" ")}]`;
}

/** A task's options under Celery's names, and what the settings say where the task does not. */
function attributesOf({ app, parts: { rules } }: Worker, definition: TaskDefinition): ReadonlyMap<string, unknown> {
  const { options } = definition;
  const named = Object.entries(options).map(([name, value]): [string, unknown] => [snakeCase(name), value]);
  return new Map<string, unknown>([
    ["max_retries", 3],
    ["acks_late", rules.acksLate(definition)],
    ["rate_limit", app.settings.taskDefaultRateLimit],
    ["ignore_result", app.settings.taskIgnoreResult],
    ["track_started", rules.trackStarted(definition)],
    ...named,
  ]);
}

/** As Python's `str`: texts without quotes. */
function plainText(value: unknown): string {
  return typeof value === "string" ? value : reprValue(value, 200);
}

/** Memory of this process, as in `55.94MB`. */
function megabytes(): string {
  return `${(process.memoryUsage.rss() / 1024 ** 2).toFixed(2)}MB`;
}
