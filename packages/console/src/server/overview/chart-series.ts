import type { METRICS, Series } from "../../api/operations.js";
import { ApiError } from "../route.js";
import { label, type SeriesName, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";
import { type Frame, filled, frameOf, perMinute, type Range, SeriesReader, shareOf, topLines } from "./series-lines.js";

type Metric = (typeof METRICS)[number];
type Chart = Pick<Series, "unit" | "lines">;

export interface ChartRequest {
  readonly metric: Metric;
  readonly range: Range;
  /** `queue:images`, `task:shop.add`, `worker:w1@host`; undefined for the whole. */
  readonly by: string | undefined;
}

/** Queues of the depth chart; the others are one line. */
const TOP_QUEUES = 8;

/** A chart of what the series store has, up to now. Throws an `ApiError` (400) for a `by` that the metric has not. */
export async function chartOf(store: SeriesStore, request: ChartRequest, now: Date): Promise<Series> {
  const frame = frameOf(request.range, now.getTime());
  const { unit, lines } = await CHARTS[request.metric](new SeriesReader(store, frame), frame, request);
  return {
    metric: request.metric,
    from: new Date(frame.fromMs).toISOString(),
    to: new Date(frame.toMs).toISOString(),
    step: frame.stepMs / 1000,
    unit,
    lines,
  };
}

type Draw = (reader: SeriesReader, frame: Frame, request: ChartRequest) => Promise<Chart>;

const CHARTS: Readonly<Record<Metric, Draw>> = {
  throughput: async (reader, frame, request) => {
    const lines = await reader.linesBy("finished", "state", "sum", narrowed(request, ["task", "queue"]));
    return { unit: "per-minute", lines: rates(lines, frame) };
  },
  wait: async (reader, _, request) => await durations(reader, "wait", narrowed(request, ["task", "queue"])),
  runtime: async (reader, _, request) =>
    await durations(reader, "runtime", narrowed(request, ["task", "queue", "worker"])),
  failures: async (reader, _, request) => {
    const of = narrowed(request, ["task", "queue", "worker"]);
    const failed = await reader.points("failed", of, "sum");
    const points = shareOf(failed, await reader.points("ended", of, "sum"));
    return { unit: "share", lines: [{ name: "failures", points }] };
  },
  depth: async (reader, _, request) => {
    const of = narrowed(request, ["queue"]);
    if (of === WHOLE)
      return { unit: "count", lines: topLines(await reader.linesBy("depth", "queue", "last"), TOP_QUEUES) };
    return {
      unit: "count",
      lines: await gauges(reader, of, { ready: "depth", unacked: "unacked", scheduled: "scheduled" }),
    };
  },
  slots: async (reader, _, request) => {
    const of = narrowed(request, ["worker"]);
    return { unit: "count", lines: await gauges(reader, of, { busy: "busy", capacity: "slots" }) };
  },
  queue: async (reader, frame, request) => {
    const of = required(request, "queue");
    const names = { in: "published", deliver: "delivered", ack: "acked", redelivered: "redelivered" } as const;
    const lines = await Promise.all(
      Object.entries(names).map(async ([name, metric]) => ({ name, points: await reader.points(metric, of, "sum") })),
    );
    return { unit: "per-minute", lines: rates(lines, frame) };
  },
  task: async (reader, frame, request) => {
    const lines = await reader.linesBy("finished", "state", "sum", required(request, "task"));
    return { unit: "per-minute", lines: rates(lines, frame) };
  },
  "dead-letters": async (reader, _, request) => {
    const points = await reader.points("dead-letters", narrowed(request, ["queue"]), "last");
    return { unit: "count", lines: [{ name: "dead letters", points }] };
  },
};

function rates(lines: Series["lines"], frame: Frame): Series["lines"] {
  return filled(lines).map(({ name, points }) => ({ name, points: perMinute(points, frame) }));
}

async function durations(reader: SeriesReader, metric: "wait" | "runtime", of: string): Promise<Chart> {
  const lines = await Promise.all(
    (["p50", "p95", "p99"] as const).map(async (as) => ({ name: as, points: await reader.points(metric, of, as) })),
  );
  return { unit: "seconds", lines };
}

/** A line each; those that the broker does not tell are left out. */
async function gauges(
  reader: SeriesReader,
  of: string,
  metrics: Readonly<Record<string, SeriesName>>,
): Promise<Series["lines"]> {
  const lines = await Promise.all(
    Object.entries(metrics).map(async ([name, metric]) => ({ name, points: await reader.points(metric, of, "last") })),
  );
  return lines.filter(({ points }, at) => at === 0 || points.some((point) => point !== null));
}

/** The label that `by` means; of the whole without it. */
function narrowed({ metric, by }: ChartRequest, kinds: readonly string[]): string {
  if (by === undefined || by === "") return WHOLE;
  const at = by.indexOf(":");
  const kind = by.slice(0, at);
  if (at > 0 && kinds.includes(kind)) return label(kind, by.slice(at + 1));
  const message = `${metric} is kept by ${kinds.map((each) => `${each}:<name>`).join(", ")}`;
  throw new ApiError(400, "validation", `by: ${message}`, { errors: [{ path: "by", message }] });
}

function required(request: ChartRequest, kind: string): string {
  const found = narrowed(request, [kind]);
  if (found !== WHOLE) return found;
  const message = `${request.metric} needs ${kind}:<name>`;
  throw new ApiError(400, "validation", `by: ${message}`, { errors: [{ path: "by", message }] });
}
