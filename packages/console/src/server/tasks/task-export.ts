import { type CsvCell, csvLine } from "../../api/csv-line.js";
import { KNOWN_STATES, type TaskSummary } from "../../api/tasks.js";
import type { StoreFilter, TaskStore } from "../store/task-store.js";
import { toSummary } from "./task-summary.js";

/** Rows of one export at most, and rows that are read at a time. */
export const MOST_EXPORTED = 100_000;
const PAGE = 500;

export interface TaskExport {
  readonly filter: StoreFilter;
  readonly sort: string;
  readonly payloads: boolean;
  readonly nowMs: number;
}

/** The tasks that match, a page at a time: an export is never in memory as a whole. */
async function* pagesOf(
  tasks: Pick<TaskStore, "list">,
  { filter, sort, payloads, nowMs }: TaskExport,
): AsyncGenerator<readonly TaskSummary[]> {
  let cursor: string | undefined;
  for (let count = 0; count < MOST_EXPORTED; ) {
    const limit = Math.min(PAGE, MOST_EXPORTED - count);
    const { records, nextCursor } = await tasks.list({ filter, sort, limit, cursor });
    yield records.map((record) => toSummary(record, { payloads, nowMs }));
    count += records.length;
    if (nextCursor === null || records.length === 0) return;
    cursor = nextCursor;
  }
}

/** One JSON array, a task a line. */
export async function* exportJson(tasks: Pick<TaskStore, "list">, request: TaskExport): AsyncGenerator<string> {
  let separator = "[\n";
  for await (const page of pagesOf(tasks, request)) {
    if (page.length === 0) continue;
    yield separator + page.map((task) => JSON.stringify(task)).join(",\n");
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}

const COLUMNS = [
  "id",
  "name",
  "state",
  "args",
  "kwargs",
  "result",
  "error",
  "worker",
  "queue",
  "sent",
  "received",
  "started",
  "finished",
  "eta",
  "wait",
  "runtime",
  "retries",
  "rootId",
  "parentId",
  "groupId",
  "schedule",
  "job",
  "runId",
  "rerunOf",
] as const satisfies readonly (keyof TaskSummary)[];

/** CSV (RFC 4180) with a line of names. */
export async function* exportCsv(tasks: Pick<TaskStore, "list">, request: TaskExport): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for await (const page of pagesOf(tasks, request)) {
    yield page.map((task) => csvLine(COLUMNS.map((column) => cellOf(task[column])))).join("");
  }
}

function cellOf(value: TaskSummary[(typeof COLUMNS)[number]]): CsvCell {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}

/** Columns that a list can be sorted by; `-` before it for descending. */
export const TASK_SORTS: readonly string[] = [
  "received",
  "sent",
  "started",
  "finished",
  "runtime",
  "name",
  "state",
  "retries",
];

/** States of the shown list, in their order; custom ones after them. */
export function orderedStates(states: Readonly<Record<string, number>>): Record<string, number> {
  const known: readonly string[] = KNOWN_STATES;
  const rank = (state: string): number => (known.includes(state) ? known.indexOf(state) : known.length);
  return Object.fromEntries(Object.entries(states).sort(([a], [b]) => rank(a) - rank(b)));
}
