import type { JobStats } from "../../api/jobs.js";
import type { StoredRun } from "./run-store.js";
import { lengthOf } from "./run-view.js";

/** Days and runs that the charts show. */
const DAYS = 30;
const LENGTHS = 200;
const DAY_MS = 86_400_000;

/** Statistics over a job's runs, given newest first. Days are UTC. */
export function statsOf(runs: readonly StoredRun[], nowMs: number): JobStats {
  const lengths = runs.flatMap((run) => finishedLength(run, nowMs) ?? []);
  const count = (state: string): number => runs.filter((run) => run.state === state).length;
  return {
    days: daysOf(runs, nowMs),
    lengths: runs
      .filter((run) => run.startedMs !== null && run.finishedMs !== null)
      .slice(0, LENGTHS)
      .reverse()
      .map((run) => ({
        number: run.number,
        at: new Date(run.startedMs ?? run.queuedMs).toISOString(),
        length: finishedLength(run, nowMs) ?? 0,
        state: run.state,
      })),
    counters: countersOver(runs),
    runs: runs.length,
    succeeded: count("SUCCESS"),
    failed: count("FAILURE"),
    revoked: count("REVOKED"),
    lengthP50: percentile(lengths, 0.5),
    lengthP95: percentile(lengths, 0.95),
  };
}

/** The smallest of the values that at least this share of them does not exceed; null of none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** Seconds; undefined for a run that has not both begun and ended. */
export function finishedLength(run: StoredRun, nowMs: number): number | undefined {
  return run.finishedMs === null ? undefined : (lengthOf(run, nowMs) ?? undefined);
}

function daysOf(runs: readonly StoredRun[], nowMs: number): JobStats["days"] {
  const today = Math.floor(nowMs / DAY_MS);
  const days = Array.from({ length: DAYS }, (_, index) => today - DAYS + 1 + index);
  const states = new Map(days.map((day) => [day, new Map<string, number>()]));
  for (const { queuedMs, state } of runs) {
    const ofDay = states.get(Math.floor(queuedMs / DAY_MS));
    ofDay?.set(state, (ofDay.get(state) ?? 0) + 1);
  }
  return days.map((day) => ({
    day: new Date(day * DAY_MS).toISOString().slice(0, 10),
    states: Object.fromEntries(states.get(day) ?? []),
  }));
}

/** Summed over all runs, and as the newest run that counted has them. */
function countersOver(runs: readonly StoredRun[]): JobStats["counters"] {
  const sums = new Map<string, number>();
  for (const { counters } of runs) {
    for (const [name, value] of Object.entries(counters)) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  const last = runs.find(({ counters }) => Object.keys(counters).length > 0)?.counters ?? {};
  return [...sums].map(([name, sum]) => ({ name, sum, last: Object.hasOwn(last, name) ? (last[name] ?? null) : null }));
}
