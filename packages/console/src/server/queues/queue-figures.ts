import type { BrokerCapabilities, QueueCounts } from "lovage/internal";
import type { Figure } from "../../api/common.js";
import type { QueueSummary } from "../../api/queues.js";

export type QueueFigures = Pick<QueueSummary, "ready" | "unacked" | "scheduled" | "total" | "oldestAge" | "consumers">;

export interface FigureFacts {
  readonly capabilities: Pick<BrokerCapabilities, "inspection" | "oldestMessage">;
  /** Undefined for a queue that workers name and the broker does not know. */
  readonly counts: QueueCounts | undefined;
  /** Workers that are known to consume it: a broker may count only those of its own kind. */
  readonly knownConsumers: number;
  readonly nowMs: number;
}

const NOT_THERE = "the broker knows no queue of this name";
const NOT_HELD = "this broker does not tell what consumers hold";
const NOT_SCHEDULED = "this broker does not tell what waits for its ETA";

/** What the broker tells of a queue; what it cannot tell is null and says why, never 0. */
export function figuresOf({ capabilities, counts, knownConsumers, nowMs }: FigureFacts): QueueFigures {
  if (!counts) {
    const none = unknown(NOT_THERE);
    return {
      ready: none,
      unacked: none,
      scheduled: none,
      total: none,
      oldestAge: none,
      consumers: { value: knownConsumers },
    };
  }
  const { held, scheduled } = capabilities.inspection;
  return {
    ready: { value: counts.ready },
    unacked: held ? { value: counts.unacked } : unknown(NOT_HELD),
    scheduled: scheduled ? { value: counts.scheduled } : unknown(NOT_SCHEDULED),
    total: totalOf(counts, capabilities.inspection),
    oldestAge: oldestAgeOf(counts, capabilities.oldestMessage, nowMs),
    consumers: consumersOf(counts.consumers, knownConsumers),
  };
}

function totalOf(counts: QueueCounts, { held, scheduled }: BrokerCapabilities["inspection"]): Figure {
  if (!held) return unknown(NOT_HELD);
  return scheduled ? { value: counts.ready + counts.unacked + counts.scheduled } : unknown(NOT_SCHEDULED);
}

function oldestAgeOf({ ready, oldest }: QueueCounts, isTold: boolean, nowMs: number): Figure {
  if (!isTold) return unknown("this broker does not tell how long messages have waited");
  if (oldest) return { value: Math.max(0, Math.round((nowMs - oldest.getTime()) / 100) / 10) };
  return unknown(ready === 0 ? "no message is ready" : "these messages do not say when they were sent");
}

function consumersOf(counted: number | undefined, known: number): Figure {
  if (counted === undefined && known === 0) return unknown("this broker does not count consumers");
  return { value: Math.max(counted ?? 0, known) };
}

/** The same figures, marked as no longer true: what they were when the broker last answered. */
export function staled<T extends Readonly<Record<string, Figure>>>(figures: T, reason: string): T {
  const marked = Object.entries(figures).map(([name, { value }]) => [name, { value, reason }]);
  return { ...figures, ...Object.fromEntries(marked) };
}

export function unknown(reason: string): Figure {
  return { value: null, reason };
}
