import type { Series } from "../../api/operations.js";

/** A stretch of time, in milliseconds. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The points of a stretch; at least two, so that there is a line. */
export function zoomSeries(series: Series, { fromMs, toMs }: Stretch): Series {
  const startMs = Date.parse(series.from);
  const stepMs = series.step * 1000;
  const length = Math.max(0, ...series.lines.map((line) => line.points.length));
  const first = Math.max(0, Math.min(length - 2, Math.floor((fromMs - startMs) / stepMs)));
  const last = Math.max(first + 1, Math.min(length - 1, Math.ceil((toMs - startMs) / stepMs)));
  return {
    ...series,
    from: new Date(startMs + first * stepMs).toISOString(),
    to: new Date(startMs + last * stepMs).toISOString(),
    lines: series.lines.map((line) => ({ ...line, points: line.points.slice(first, last + 1) })),
  };
}
