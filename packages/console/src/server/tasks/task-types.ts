import type { Lovage } from "lovage";
import type { TaskDefinition } from "lovage/internal";
import type { TaskType, TaskTypeDetail } from "../../api/tasks.js";
import { percentile } from "../jobs/job-stats.js";
import type { ConsoleParts } from "../parts.js";
import type { TaskTypeRow } from "../store/task-store.js";

/** Days over which runs are counted. */
export const TYPE_DAYS = 7;

/** Upper ends of the histogram's bars, in seconds: each about two and a half times the one before. */
const BARS: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1800, 3600, 21_600, 86_400,
];

/** Everything called a task: what the app has, what workers have registered, and what has run in the last days. By name. */
export async function taskTypesOf(parts: ConsoleParts): Promise<readonly TaskType[]> {
  const rows = new Map((await parts.tasks.taskTypes(sinceMs(parts))).map((row) => [row.name, row]));
  const registered = parts.fleet.registered();
  const names = new Set([...parts.app.taskNames, ...registered.keys(), ...rows.keys()]);
  return [...names].sort().map((name) => typeOf(parts.app, name, rows.get(name), registered));
}

export function sinceMs(parts: ConsoleParts): number {
  return parts.now().getTime() - TYPE_DAYS * 86_400_000;
}

/** One of them; without a row nothing of it has run. */
export function typeOf(
  app: Lovage,
  name: string,
  row: TaskTypeRow | undefined,
  registered: ReturnType<ConsoleParts["fleet"]["registered"]>,
): TaskType {
  const definition = app.findTask(name);
  const runtimes = row?.runtimes ?? [];
  return {
    name,
    registeredOn: (registered.get(name) ?? []).map(({ worker, kind }) => ({ worker, kind })),
    inApp: definition !== undefined,
    queue: (definition && queueOf(app, definition)) ?? row?.queue ?? null,
    rateLimit: rateOf(definition),
    runs: row?.runs ?? 0,
    failures: row?.failures ?? 0,
    runtimeP50: percentile(runtimes, 0.5),
    runtimeP95: percentile(runtimes, 0.95),
    waitP95: percentile(row?.waits ?? [], 0.95),
    lastRun: row?.lastMs == null ? null : new Date(row.lastMs).toISOString(),
  };
}

function queueOf(app: Lovage, { name, options }: TaskDefinition): string | undefined {
  try {
    return app.router.destination(name, {}, options).queue?.name;
  } catch {
    // A queue that the settings do not have: sending would say so.
    return options.queue;
  }
}

function rateOf(definition: TaskDefinition | undefined): string | null {
  const rate = definition?.options.rateLimit;
  return rate === undefined ? null : String(rate);
}

/** How long runs took: bars up to the longest, empty ones between included. */
export function histogramOf(runtimes: readonly number[]): TaskTypeDetail["histogram"] {
  if (runtimes.length === 0) return [];
  const sorted = [...runtimes].sort((a, b) => a - b);
  const longest = sorted.at(-1) ?? 0;
  const shortest = BARS.findIndex((end) => (sorted[0] ?? 0) <= end);
  const first = shortest === -1 ? BARS.length : shortest;
  const last = BARS.findIndex((end) => longest <= end);
  // Longer than a day: one more bar, which ends where the longest did.
  const ends = last === -1 ? [...BARS.slice(first), longest] : BARS.slice(first, last + 1);
  let from = Number.NEGATIVE_INFINITY;
  return ends.map((upTo) => {
    const count = sorted.filter((each) => each > from && each <= upTo).length;
    from = upTo;
    return { upTo, count };
  });
}

/** A task's options under their names in `app.task`. What is no data (functions, error classes) is named. */
export function optionsOf({ options }: TaskDefinition): Record<string, unknown> {
  const shown = Object.entries(options).flatMap(([name, value]): [string, unknown][] =>
    value === undefined || name === "description" || name === "jsonSchema" ? [] : [[name, plain(value)]],
  );
  return Object.fromEntries(shown);
}

function plain(value: unknown): unknown {
  if (typeof value === "function") return value.name === "" ? "function" : value.name;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  return value;
}
