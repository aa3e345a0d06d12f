import type { BrokerCapabilities } from "lovage/internal";
import type { Figure } from "../../api/common.js";
import type { Traffic } from "./queue-traffic.js";

/** A worker that consumes the queue, as far as rates are concerned. */
export interface RateConsumer {
  readonly name: string;
  readonly kind: "lovage" | "celery";
  /** Whether it sends task events; null when not known. */
  readonly events: boolean | null;
  /** Some of its events name no queue. */
  readonly leavesOpen: boolean;
}

export interface RateFacts {
  readonly inspection: BrokerCapabilities["inspection"];
  /** Seconds that events have been heard for; a minute at most. */
  readonly heard: number;
  /** In these seconds. */
  readonly traffic: Traffic;
  /** How the queue changed meanwhile. */
  readonly change: { readonly ready: number; readonly total: number; readonly seconds: number } | undefined;
  readonly consumers: readonly RateConsumer[];
  /** As the broker counts them. */
  readonly brokerConsumers: number | undefined;
}
export interface Rates {
  readonly inRate: Figure;
  readonly deliverRate: Figure;
  readonly ackRate: Figure;
  readonly redeliverRate: Figure;
}

/** Seconds of listening before a rate means anything. */
const LEAST_SECONDS = 10;

/**
 * Messages a second over the last minute. Deliveries and acknowledgements are what workers tell in events; what came in is what is
 * there more than before, and what has gone since. Where a part is not told, the rate is null and says why: rather none than a wrong one.
 */
export function ratesOf(facts: RateFacts): Rates {
  const { heard, traffic } = facts;
  const gap = gapOf(facts);
  if (gap !== undefined)
    return { inRate: unknown(gap), deliverRate: unknown(gap), ackRate: unknown(gap), redeliverRate: unknown(gap) };
  return {
    inRate: inRateOf(facts),
    deliverRate: rate(traffic.received, heard),
    ackRate: rate(traffic.done, heard),
    redeliverRate: redeliverRateOf(facts),
  };
}

/** Why the events do not tell all that workers did with this queue. */
function gapOf({ heard, consumers, brokerConsumers }: RateFacts): string | undefined {
  if (heard < LEAST_SECONDS)
    return `events have been heard for ${Math.floor(heard)} s only: known after ${LEAST_SECONDS} s`;
  const silent = consumers.find(({ events }) => events === false);
  if (silent) return `${silent.name} sends no task events`;
  const open = consumers.find(({ leavesOpen }) => leavesOpen);
  if (open) return `events of ${open.name} do not say which of its queues a task came from`;
  if (consumers.length === 0 && (brokerConsumers ?? 0) > 0) return "it is consumed by programs that send no events";
  return undefined;
}

function inRateOf({ inspection, heard, traffic, change }: RateFacts): Figure {
  if (!change) return unknown("the queue has not been looked at for long enough");
  const whole = inspection.held && inspection.scheduled;
  const grown = whole ? change.total : change.ready;
  const gone = whole ? traffic.done : traffic.received - traffic.redelivered;
  // A queue that was purged or moved meanwhile shrank without being worked on.
  return { value: rounded(Math.max(0, grown / change.seconds + gone / heard)) };
}

function redeliverRateOf({ heard, traffic, consumers }: RateFacts): Figure {
  const celery = consumers.find(({ kind }) => kind === "celery");
  return celery
    ? unknown(`${celery.name} is a Celery worker: its events do not say it`)
    : rate(traffic.redelivered, heard);
}

function rate(count: number, seconds: number): Figure {
  return { value: rounded(count / seconds) };
}
function unknown(reason: string): Figure {
  return { value: null, reason };
}
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
