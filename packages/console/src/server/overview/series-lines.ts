import type { RANGES, Series } from "../../api/operations.js";
import { label as labelOf, labelPart, type SeriesName, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";

export type Range = (typeof RANGES)[number];
type Line = Series["lines"][number];
type Points = readonly (number | null)[];

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Seconds of each range, and between its points: 90 to 180 of them, each of whole buckets of the store. */
const RANGE_SECONDS: Readonly<Record<Range, { readonly length: number; readonly step: number }>> = {
  "15m": { length: 15 * MINUTE, step: 10 },
  "1h": { length: HOUR, step: 30 },
  "6h": { length: 6 * HOUR, step: 2 * MINUTE },
  "24h": { length: DAY, step: 10 * MINUTE },
  "7d": { length: 7 * DAY, step: HOUR },
  "30d": { length: 30 * DAY, step: 6 * HOUR },
};

/** The instants of a chart: whole steps, the last of which is not over. */
export interface Frame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** How much of the last step is over, 0 to 1. */
  readonly lastShare: number;
}

export function frameOf(range: Range, nowMs: number): Frame {
  const { length, step } = RANGE_SECONDS[range];
  const stepMs = step * 1000;
  const toMs = Math.floor(nowMs / stepMs + 1) * stepMs;
  return { fromMs: toMs - length * 1000, toMs, stepMs, lastShare: (nowMs - (toMs - stepMs)) / stepMs };
}

/** Least part of a step that is taken for the whole: a rate over one second is none. */
const LEAST_SHARE = 0.3;

/** Counts as rates a minute. The step that goes on is measured by what of it is over, so that the live edge does not drop. */
export function perMinute(points: Points, { stepMs, lastShare }: Frame): (number | null)[] {
  const minutes = stepMs / 60_000;
  return points.map((count, at) => {
    const share = at === points.length - 1 ? Math.max(lastShare, LEAST_SHARE) : 1;
    return count === null ? null : rounded(count / (minutes * share));
  });
}

/** 0 where nothing was counted since counting began; before that, nothing is known. */
export function filled(lines: readonly Line[]): Line[] {
  const firsts = lines.map(({ points }) => points.findIndex((point) => point !== null)).filter((at) => at >= 0);
  const first = firsts.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...firsts);
  return lines.map(({ name, points }) => ({
    name,
    points: points.map((point, at) => point ?? (at >= first ? 0 : null)),
  }));
}

/** The `count` lines that reach highest, and the sum of the others. */
export function topLines(lines: readonly Line[], count: number): Line[] {
  const ranked = [...lines].sort((a, b) => peakOf(b) - peakOf(a) || (a.name < b.name ? -1 : 1));
  const rest = ranked.slice(count);
  const top = ranked.slice(0, count);
  return rest.length === 0 ? top : [...top, { name: "other", points: sumOf(rest.map(({ points }) => points)) }];
}

function peakOf({ points }: Line): number {
  return points.reduce<number>((most, point) => Math.max(most, point ?? 0), 0);
}
function sumOf(all: readonly Points[]): (number | null)[] {
  return (all[0] ?? []).map((_, at) => {
    const known = all.flatMap((points) => points[at] ?? []);
    return known.length === 0 ? null : known.reduce((sum, point) => sum + point, 0);
  });
}

/** Parts by whole; null where there was no whole. */
export function shareOf(parts: Points, wholes: Points): (number | null)[] {
  return wholes.map((whole, at) => (whole === null || whole === 0 ? null : rounded((parts[at] ?? 0) / whole)));
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** Reads what a chart is made of. */
export class SeriesReader {
  readonly #series: SeriesStore;
  readonly #frame: Frame;

  constructor(series: SeriesStore, frame: Frame) {
    this.#series = series;
    this.#frame = frame;
  }

  /** Of one label; as many points as the chart has. */
  async points(
    metric: SeriesName,
    label: string,
    as: "sum" | "last" | "p50" | "p95" | "p99",
  ): Promise<(number | null)[]> {
    const { fromMs, toMs, stepMs } = this.#frame;
    const found = await this.#series.read({ metric, label, fromMs, toMs, stepMs, as });
    return this.#whole(found.get(label));
  }

  /** A line for each value of `part`, over labels that have no further parts than `and`. */
  async linesBy(metric: SeriesName, part: string, as: "sum" | "last", and: string = WHOLE): Promise<Line[]> {
    const { fromMs, toMs, stepMs } = this.#frame;
    const found = await this.#series.read({ metric, fromMs, toMs, stepMs, as });
    return [...found].flatMap(([text, points]) => {
      const name = nameIn(text, part, and);
      return name === undefined ? [] : [{ name, points: this.#whole(points) }];
    });
  }

  #whole(points: Points = []): (number | null)[] {
    const { fromMs, toMs, stepMs } = this.#frame;
    return Array.from({ length: Math.round((toMs - fromMs) / stepMs) }, (_, at) => points[at] ?? null);
  }
}

/** The value of `part` in a label that is `part:value`, or `part:value|<and>`. */
function nameIn(text: string, part: string, and: string): string | undefined {
  const start = labelOf(part, "");
  if (!text.startsWith(start)) return undefined;
  if (and !== WHOLE) return text.endsWith(`|${and}`) ? text.slice(start.length, -and.length - 1) : undefined;
  // Names of queues may hold anything; those of states do not, and have labels with more parts.
  return part === "state" ? (text.includes("|") ? undefined : labelPart(text, part)) : text.slice(start.length);
}
