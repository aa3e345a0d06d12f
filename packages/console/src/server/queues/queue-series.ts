import type { BrokerCapabilities, QueueCounts } from "lovage/internal";
import { label, labelPart, type SeriesName, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";
import type { Traffic } from "./queue-traffic.js";

/** Messages that went through a queue since the console started. */
export interface QueueTotals {
  readonly published: number;
  readonly delivered: number;
  readonly acked: number;
  readonly redelivered: number;
}
const NOTHING: QueueTotals = Object.freeze({ published: 0, delivered: 0, acked: 0, redelivered: 0 });

export interface QueueLook {
  readonly queue: string;
  readonly counts: QueueCounts;
  /** All that events told of it so far. */
  readonly traffic: Traffic;
}

interface Seen {
  readonly traffic: Traffic;
  /** Ready, or with what is held and scheduled where the broker tells that. */
  readonly depth: number;
  readonly totals: QueueTotals;
}

/**
 * Writes what each look at the broker found to the series, so that charts outlive the console, and adds up what went through. Of the
 * consoles of a store each sees the same go through, and one counts it: the one that writes events.
 */
export class QueueSeriesRecorder {
  readonly #series: SeriesStore;
  readonly #isLeader: () => boolean;
  readonly #seen = new Map<string, Seen>();

  constructor(options: { readonly series: SeriesStore; readonly isLeader: () => boolean }) {
    this.#series = options.series;
    this.#isLeader = options.isLeader;
  }

  record(looks: readonly QueueLook[], inspection: BrokerCapabilities["inspection"], atMs: number): void {
    const counts = this.#isLeader();
    for (const look of looks) {
      this.#recordDepth(look, inspection, atMs);
      const gone = this.#passed(look, inspection);
      if (counts) this.#count(look.queue, gone, atMs);
    }
    const names = new Set(looks.map(({ queue }) => queue));
    for (const queue of this.#seen.keys()) if (!names.has(queue)) this.#seen.delete(queue);
  }

  recordDeadLetters(byQueue: ReadonlyMap<string, number>, total: number, atMs: number): void {
    this.#series.gauge("dead-letters", WHOLE, total, atMs);
    for (const [queue, count] of byQueue) this.#series.gauge("dead-letters", label("queue", queue), count, atMs);
  }

  /** What went through, as far as it was told. */
  totals(queue: string): QueueTotals {
    return this.#seen.get(queue)?.totals ?? NOTHING;
  }

  #recordDepth(
    { queue, counts }: QueueLook,
    { held, scheduled }: BrokerCapabilities["inspection"],
    atMs: number,
  ): void {
    const gauge = (name: SeriesName, value: number): void =>
      this.#series.gauge(name, label("queue", queue), value, atMs);
    gauge("depth", counts.ready);
    if (held) gauge("unacked", counts.unacked);
    if (scheduled) gauge("scheduled", counts.scheduled);
  }

  #count(queue: string, gone: QueueTotals, atMs: number): void {
    const names: readonly (keyof QueueTotals)[] = ["published", "delivered", "acked", "redelivered"];
    for (const name of names) if (gone[name] > 0) this.#series.count(name, label("queue", queue), gone[name], atMs);
  }

  /** What went through since the last look. */
  #passed({ queue, counts, traffic }: QueueLook, inspection: BrokerCapabilities["inspection"]): QueueTotals {
    const whole = inspection.held && inspection.scheduled;
    const depth = whole ? counts.ready + counts.unacked + counts.scheduled : counts.ready;
    const before = this.#seen.get(queue);
    const gone = changeOf(before, { traffic, depth }, whole);
    const totals = before?.totals ?? NOTHING;
    this.#seen.set(queue, {
      traffic,
      depth,
      totals: {
        published: totals.published + gone.published,
        delivered: totals.delivered + gone.delivered,
        acked: totals.acked + gone.acked,
        redelivered: totals.redelivered + gone.redelivered,
      },
    });
    return gone;
  }
}

/** Between two looks. What came in is not told by all senders: it is what is there more, and what has gone meanwhile. */
function changeOf(before: Omit<Seen, "totals"> | undefined, now: Omit<Seen, "totals">, whole: boolean): QueueTotals {
  if (!before) return NOTHING;
  const delivered = Math.max(0, now.traffic.received - before.traffic.received);
  const acked = Math.max(0, now.traffic.done - before.traffic.done);
  const redelivered = Math.max(0, now.traffic.redelivered - before.traffic.redelivered);
  const gone = whole ? acked : delivered - redelivered;
  return { published: Math.max(0, now.depth - before.depth + gone), delivered, acked, redelivered };
}

/** Depths of all queues as an earlier console kept them. Rejects with a `StoreError`. */
export async function recallDepths(
  series: SeriesStore,
  { fromMs, toMs, stepMs }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): Promise<{ readonly queue: string; readonly atMs: number; readonly ready: number }[]> {
  const kept = await series.read({ metric: "depth", fromMs, toMs, stepMs, as: "last" });
  return [...kept].flatMap(([text, points]) => {
    const queue = labelPart(text, "queue");
    if (queue === undefined) return [];
    return points.flatMap((ready, at) => (ready === null ? [] : [{ queue, atMs: fromMs + at * stepMs, ready }]));
  });
}
