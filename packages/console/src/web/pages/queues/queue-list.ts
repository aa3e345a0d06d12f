import type { QueueList, QueueSummary } from "../../../api/queues.js";
import type { LiveEvent } from "../../api/live.js";
import { type SortValue, sortRows } from "../../components/sort-rows.js";

/** Parameters of the address that filter the list. */
export const QUEUE_FILTER_KEYS = ["q", "backlog", "unconsumed", "internal"] as const;
export type QueueFilter = Partial<Record<(typeof QUEUE_FILTER_KEYS)[number], string>>;

/** Those that match. */
export function matchingQueues(queues: readonly QueueSummary[], filter: QueueFilter): QueueSummary[] {
  const sought = filter.q?.trim().toLowerCase();
  return queues.filter(
    (queue) =>
      (filter.internal === "1" || !queue.internal) &&
      (sought === undefined || queue.name.toLowerCase().includes(sought)) &&
      (filter.backlog !== "1" || hasBacklog(queue)) &&
      (filter.unconsumed !== "1" || queue.consumers.value === 0),
  );
}

/** Whether messages wait in it, for a worker or for their time. */
export function hasBacklog({ ready, scheduled }: QueueSummary): boolean {
  return (ready.value ?? 0) > 0 || (scheduled.value ?? 0) > 0;
}

/** Sorted by a column, `-` before it for descending. */
export function sortQueues(queues: readonly QueueSummary[], sort: string): QueueSummary[] {
  return sortRows(queues, sort, figureOf, ({ name }) => name);
}

function figureOf(queue: QueueSummary, column: string): SortValue {
  switch (column) {
    case "state":
      return queue.state;
    case "dead":
      return queue.dead;
    case "ready":
    case "unacked":
    case "scheduled":
    case "total":
    case "oldestAge":
    case "consumers":
    case "inRate":
    case "deliverRate":
    case "ackRate":
    case "redeliverRate":
      return queue[column].value;
    default:
      return queue.name;
  }
}

/** Works what the stream tells of queues into the list. It tells of those that are there: one that has gone is missed at the next question. */
export function mergeQueues(list: QueueList, events: readonly LiveEvent[]): QueueList {
  const items = new Map(list.items.map((queue) => [queue.name, queue]));
  let changed = false;
  for (const event of events) {
    if (event.event !== "queue") continue;
    items.set(event.data.name, event.data);
    changed = true;
  }
  return changed ? { ...list, items: [...items.values()] } : list;
}

/** Why the figures are not of now; undefined when they are. */
export function staleReason({ ready }: QueueSummary): string | undefined {
  return ready.value === null ? undefined : ready.reason;
}
