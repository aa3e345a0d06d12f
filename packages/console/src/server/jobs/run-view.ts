import type { RunDetail, RunSummary } from "../../api/jobs.js";
import { FINAL_STATES } from "../../api/tasks.js";
import { isObject, readExactObject } from "../actions/exact-json.js";
import type { TaskRecord } from "../store/task-record.js";
import { progressOf, toInstant } from "../tasks/task-summary.js";
import type { RunNews, StoredRun } from "./run-store.js";

/** Links and counters that one result gives at most. */
const MOST_LINKS = 50;
const MOST_COUNTERS = 100;

/** A run as lists and streams show it. */
export function toRunSummary(
  run: StoredRun,
  options: { readonly payloads: boolean; readonly nowMs: number },
): RunSummary {
  const { payloads, nowMs } = options;
  return {
    id: run.id,
    job: run.job,
    number: run.number,
    state: run.state,
    queuedAt: new Date(run.queuedMs).toISOString(),
    started: toInstant(run.startedMs),
    finished: toInstant(run.finishedMs),
    length: lengthOf(run, nowMs),
    progress: progressOf(run, payloads),
    by: run.by,
    parameters: payloads ? run.parameters : {},
    counters: run.counters,
  };
}

/** Seconds from its start to its end, or so far; null before it has started. */
export function lengthOf({ startedMs, finishedMs, open }: StoredRun, nowMs: number): number | null {
  if (startedMs === null) return null;
  const endMs = finishedMs ?? (open ? nowMs : null);
  return endMs === null ? null : Math.max(0, (endMs - startedMs) / 1000);
}

/** Whether a task is the root of a job's run: its own id is the run's. */
export function isRunsRoot({ id, job, runId, rootId }: TaskRecord): boolean {
  if (job === null) return false;
  return runId === null ? rootId === null || rootId === id : runId === id;
}

/** What a root task's record says of its run. */
export function newsOf(record: TaskRecord): RunNews {
  const { id, state, startedMs, finishedMs, progressJson, version } = record;
  const open = !FINAL_STATES.has(state) && state !== "LOST";
  return { id, state, open, startedMs, finishedMs, progressJson, counters: countersOf(record), version };
}

/** What a run counts: numbers at the top level of its result, and what its progress counted where the result does not say. */
export function countersOf({
  progressJson,
  resultJson,
}: Pick<TaskRecord, "progressJson" | "resultJson">): Record<string, number> {
  const progress = readExactObject(progressJson);
  const counted = isObject(progress?.counters) ? progress.counters : {};
  const numbers = Object.entries({ ...counted, ...readExactObject(resultJson) }).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && Number.isFinite(entry[1]),
  );
  return Object.fromEntries(numbers.slice(0, MOST_COUNTERS));
}

/**
 * The result's `links`, to the app's own pages: `[{label, href}]`, or `{label: href}`. Only http, https and paths of this host are kept: a
 * result comes from whoever can run tasks.
 */
export function linksOf(resultJson: string | null): RunDetail["links"] {
  const links = readExactObject(resultJson)?.links;
  const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(links)
    ? links.filter(isObject).map(({ label, href }) => [label ?? href, href])
    : isObject(links)
      ? Object.entries(links)
      : [];
  return pairs.slice(0, MOST_LINKS).flatMap(([label, href]) => {
    if (typeof label !== "string" || typeof href !== "string" || !isSafeLink(href)) return [];
    return [{ label: label.slice(0, 200), href }];
  });
}

/** What browsers leave out of addresses, and what hides where one leads. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNCLEAN = /[\u0000-\u0020\u007f\\]/;

function isSafeLink(href: string): boolean {
  if (href.length > 2000 || UNCLEAN.test(href)) return false;
  // A path; `//host` is none.
  if (/^\/(?!\/)/.test(href)) return true;
  return /^https?:\/\//i.test(href) && URL.canParse(href);
}
