/**
 * Every metric of the series store: name → what it is and how its labels are written. A label is `""` for the whole, or parts joined by
 * `label()`, as in `queue:images`. Times are those of the events, not of their arrival.
 */
export const SERIES = {
  /** Tasks that reached a final state. Labels: `state:SUCCESS`; `state:SUCCESS|task:shop.add`; `state:SUCCESS|queue:images`. */
  finished: { kind: "count", unit: "tasks" },
  /** Failures among them, for the failure rate. Labels: ``; `task:…`; `queue:…`; `worker:…`. */
  failed: { kind: "count", unit: "tasks" },
  /** All that finished, under the labels of `failed`: what the rate is a share of. */
  ended: { kind: "count", unit: "tasks" },
  /** Tries that began. Labels: ``; `queue:…`; `worker:…`. */
  started: { kind: "count", unit: "tasks" },
  /** Seconds from sent (or ETA) to started. Labels: ``; `task:…`; `queue:…`. */
  wait: { kind: "duration", unit: "seconds" },
  /** Seconds a finished run took. Labels: ``; `task:…`; `queue:…`; `worker:…`. */
  runtime: { kind: "duration", unit: "seconds" },
  /** Slots of all online workers, and those in use. Labels: ``; `worker:…`. */
  slots: { kind: "gauge", unit: "slots" },
  busy: { kind: "gauge", unit: "slots" },
  /** Of the queue sampler. Labels: `queue:…`. */
  depth: { kind: "gauge", unit: "messages" },
  unacked: { kind: "gauge", unit: "messages" },
  scheduled: { kind: "gauge", unit: "messages" },
  /** Messages in, handed out, acknowledged, handed out again. Labels: `queue:…`. */
  published: { kind: "count", unit: "messages" },
  delivered: { kind: "count", unit: "messages" },
  acked: { kind: "count", unit: "messages" },
  redelivered: { kind: "count", unit: "messages" },
  /** Dead letters that there are. Labels: ``; `queue:…`. */
  "dead-letters": { kind: "gauge", unit: "messages" },
} as const satisfies Readonly<Record<string, { readonly kind: "count" | "duration" | "gauge"; readonly unit: string }>>;

export type SeriesName = keyof typeof SERIES;

/** The label of the whole. */
export const WHOLE = "";
/** What stands for names beyond a thousand of a kind at a time. */
export const OTHER = "other";

/** A label of name and value pairs, in the order given: `label("state", "SUCCESS", "queue", "images")`. */
export function label(...pairs: readonly string[]): string {
  const parts: string[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) parts.push(`${pairs[i] ?? ""}:${pairs[i + 1] ?? ""}`);
  return parts.join("|");
}

/** The part of a label under `name`, up to the next part: the inverse of `label` for values without `|`. Undefined when it has none. */
export function labelPart(text: string, name: string): string | undefined {
  const found = text.split("|").find((part) => part.startsWith(`${name}:`));
  return found?.slice(name.length + 1);
}
