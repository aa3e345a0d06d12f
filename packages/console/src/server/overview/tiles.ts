import type { Tiles } from "../../api/operations.js";
import type { QueueSummary } from "../../api/queues.js";
import type { WorkerSummary } from "../../api/workers.js";

export interface TileFacts {
  /** Offline ones too. */
  readonly workers: readonly WorkerSummary[];
  /** Without internal ones. */
  readonly queues: readonly QueueSummary[];
  /** Whether the broker answers: figures of one that does not are of earlier and are not added up. */
  readonly brokerAnswers: boolean;
  readonly finishedPerMinute: number;
  readonly failures: { readonly count: number; readonly share: number | null };
  readonly deadLetters: number;
}

/** The figures at the head of the overview: what is true now, and null for what is not known now. */
export function tilesOf({
  workers,
  queues,
  brokerAnswers,
  finishedPerMinute,
  failures,
  deadLetters,
}: TileFacts): Tiles {
  const online = workers.filter(({ status }) => status === "online");
  const sum = (of: (worker: WorkerSummary) => number | null): number =>
    online.reduce((total, worker) => total + (of(worker) ?? 0), 0);
  return {
    workersOnline: online.length,
    workersKnown: workers.length,
    running: sum(({ active, busy }) => active ?? busy),
    slots: sum(({ slots }) => slots),
    ready: brokerAnswers ? total(queues, "ready") : null,
    reserved: sum(({ reserved }) => reserved),
    scheduled: brokerAnswers ? total(queues, "scheduled") : null,
    finishedPerMinute,
    failureRate: failures.share,
    failures: failures.count,
    oldestWaiting: brokerAnswers ? oldest(queues) : null,
    deadLetters: brokerAnswers ? deadLetters : null,
  };
}

/** Of what is known; null when there are queues and nothing is known of any. */
function total(queues: readonly QueueSummary[], name: "ready" | "scheduled"): number | null {
  const known = fresh(queues, name);
  return known.length === 0 && queues.length > 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
function oldest(queues: readonly QueueSummary[]): number | null {
  const known = fresh(queues, "oldestAge");
  return known.length === 0 ? null : known.reduce((most, value) => Math.max(most, value), 0);
}
/** A figure with a reason is of earlier, or none. */
function fresh(queues: readonly QueueSummary[], name: "ready" | "scheduled" | "oldestAge"): readonly number[] {
  return queues.flatMap((queue) => (queue[name].reason === undefined ? (queue[name].value ?? []) : []));
}
