import type { WorkerList, WorkerSummary } from "../../../api/workers.js";
import type { LiveEvent } from "../../api/live.js";
import { type SortValue, sortRows } from "../../components/sort-rows.js";

/** Parameters of the address that filter the list. */
export const WORKER_FILTER_KEYS = ["q", "status", "kind", "queue", "offline"] as const;
export type WorkerFilter = Partial<Record<(typeof WORKER_FILTER_KEYS)[number], string>>;

/** Those that match, whether they are online or not. */
export function matchingWorkers(workers: readonly WorkerSummary[], filter: WorkerFilter): WorkerSummary[] {
  const sought = filter.q?.trim().toLowerCase();
  const statuses = filter.status?.split(",").filter(Boolean);
  return workers.filter(
    (worker) =>
      (sought === undefined || worker.name.toLowerCase().includes(sought)) &&
      (statuses === undefined || statuses.includes(worker.status)) &&
      (filter.kind === undefined || worker.kind === filter.kind) &&
      (filter.queue === undefined || worker.queues.includes(filter.queue)),
  );
}

/** Whether offline ones are shown: because they were asked for, by the button or by status. */
export function showsOffline({ offline, status }: WorkerFilter): boolean {
  return offline === "1" || status?.split(",").includes("offline") === true;
}

const STATUS_ORDER: Readonly<Record<WorkerSummary["status"], number>> = { online: 0, silent: 1, offline: 2 };

/** Sorted by a column, `-` before it for descending. */
export function sortWorkers(workers: readonly WorkerSummary[], sort: string): WorkerSummary[] {
  return sortRows(workers, sort, figureOf, ({ name }) => name);
}

function figureOf(worker: WorkerSummary, column: string): SortValue {
  switch (column) {
    case "status":
      return STATUS_ORDER[worker.status];
    case "slots":
      return worker.busy;
    case "queues":
      return worker.queues.length;
    case "load":
      return worker.loadAverage[0];
    case "kind":
      return `${worker.kind} ${worker.version ?? ""}`;
    case "pool":
      return worker.pool;
    case "active":
      return worker.active;
    case "reserved":
      return worker.reserved;
    case "processed":
      return worker.processed;
    case "succeeded":
      return worker.succeeded;
    case "failed":
      return worker.failed;
    case "retried":
      return worker.retried;
    case "memory":
      return worker.memoryBytes;
    case "uptime":
      return worker.uptime;
    default:
      return worker.name;
  }
}

/** Works what the stream tells of workers into the list. */
export function mergeWorkers(list: WorkerList, events: readonly LiveEvent[]): WorkerList {
  const items = new Map(list.items.map((worker) => [worker.name, worker]));
  let changed = false;
  for (const event of events) {
    if (event.event !== "worker") continue;
    changed = true;
    if ("gone" in event.data) items.delete(event.data.name);
    else items.set(event.data.name, event.data);
  }
  return changed ? { ...list, items: [...items.values()] } : list;
}
