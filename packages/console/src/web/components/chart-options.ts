import type uPlot from "uplot";
import type { Series } from "../../api/operations.js";
import { durationText } from "./duration.js";
import { stateTone } from "./state-badge.js";
import { short } from "./table-texts.js";
import { absoluteTime } from "./time.js";

/** Colours of lines that are no states: told apart by people who see colours differently, too. */
const LINES = [
  "--lv-line-1",
  "--lv-line-2",
  "--lv-line-3",
  "--lv-line-4",
  "--lv-line-5",
  "--lv-line-6",
  "--lv-line-7",
  "--lv-line-8",
] as const;
const NAMED: Readonly<Record<string, string>> = {
  p50: "--lv-line-1",
  p95: "--lv-line-2",
  p99: "--lv-line-3",
  busy: "--lv-line-1",
  capacity: "--lv-line-quiet",
  other: "--lv-line-quiet",
  failures: "--lv-tone-bad",
};

/** A CSS variable for each line: by state, by a name that charts know, else by place. */
export function lineColors(series: Series, given: Readonly<Record<string, string>> = {}): readonly string[] {
  return series.lines.map(
    (line, place) =>
      given[line.name] ??
      NAMED[line.name] ??
      (series.metric === "throughput"
        ? `--lv-tone-${stateTone(line.name.toUpperCase())}`
        : (LINES[place % LINES.length] ?? LINES[0])),
  );
}

/** A figure with its unit. */
export function unitText(unit: Series["unit"], value: number): string {
  if (unit === "seconds") return durationText(value);
  if (unit === "share") return `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
  const figure = value < 10 && value % 1 !== 0 ? value.toFixed(1) : short(value);
  return unit === "per-minute" ? `${figure}/min` : figure;
}

/** Each line on top of those before it; what is not known counts nothing where another is known. */
export function stackLines(lines: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const sums: (number | null)[] = [];
  return lines.map((line) => {
    line.forEach((point, index) => {
      if (point !== null) sums[index] = (sums[index] ?? 0) + point;
      else sums[index] ??= null;
    });
    return [...sums];
  });
}

export interface PlotLook {
  readonly series: Series;
  readonly stacked: boolean;
  readonly height: number;
  readonly width: number;
  readonly zone: "browser" | "utc";
  /** Of each line, as a colour and not a variable: a canvas knows none. */
  readonly colors: readonly string[];
  readonly axis: string;
  readonly grid: string;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** A point by its place, and the line by its own; undefined where none is near. */
  readonly onPick: (index: number, line: number | undefined) => void;
}

export function plotOptions(look: PlotLook): uPlot.Options {
  const { series, stacked, colors } = look;
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: look.axis, font, grid: { stroke: look.grid, width: 1 }, ticks: { show: false } };
  return {
    width: look.width,
    height: look.height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    ...(look.zone === "utc" && { tzDate: (seconds: number) => utcAsLocal(seconds) }),
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, focus: { prox: 24 } },
    focus: { alpha: 0.35 },
    scales: { y: { range: (_plot, _min, max) => [0, niceTop(max, series.unit)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 6, values: (_plot, splits) => clockLabels(splits, look.zone) },
      { ...axis, size: 58, gap: 6, values: (_plot, splits) => splits.map((value) => unitText(series.unit, value)) },
    ],
    series: [
      {},
      ...series.lines.map((line, place) => ({
        label: line.name,
        stroke: colors[place] ?? look.axis,
        width: stacked ? 1 : 1.75,
        spanGaps: false,
        ...(stacked && { fill: `${colors[place] ?? look.axis}59` }),
        // A value between two gaps has no line to lie on: it is a dot.
        points: { show: true, size: 5, filter: (plot: uPlot, index: number) => lonePoints(plot.data[index] ?? []) },
      })),
    ],
    // Of stacked lines the upper ones fill only down to the one below.
    ...(stacked &&
      series.lines.length > 1 && {
        bands: series.lines.slice(1).map((_, place) => ({ series: [place + 2, place + 1] as uPlot.Band.Bounds })),
      }),
    plugins: [valuesAtCursor(look)],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width < 6) return;
          look.onZoom(
            plot.posToVal(plot.select.left, "x") * 1000,
            plot.posToVal(plot.select.left + plot.select.width, "x") * 1000,
          );
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
      ready: [
        (plot) => {
          let downAt = 0;
          plot.over.addEventListener("mousedown", (event) => {
            downAt = event.clientX;
          });
          plot.over.addEventListener("click", (event) => {
            const { idx, top = 0 } = plot.cursor;
            if (Math.abs(event.clientX - downAt) >= 6 || idx === null || idx === undefined) return;
            look.onPick(idx, lineUnder(plot, idx, top, stacked));
          });
        },
      ],
    },
  };
}

/** Pixels. */
const REACH = 24;

function lineUnder(plot: uPlot, index: number, top: number, stacked: boolean): number | undefined {
  const values = plot.data.slice(1).map((line) => line[index] ?? null);
  const at = plot.posToVal(top, "y");
  return lineAt(values, { at, reach: plot.posToVal(top - REACH, "y") - at, stacked });
}

/**
 * Which line a height belongs to: the nearest one within reach; of stacked lines the one in whose part it lies. `values`: of the lines at
 * one time, stacked ones summed up.
 */
export function lineAt(
  values: readonly (number | null)[],
  { at, reach, stacked }: { readonly at: number; readonly reach: number; readonly stacked: boolean },
): number | undefined {
  if (stacked) {
    const within = values.findIndex((value) => value !== null && value >= at);
    if (within >= 0) return within;
  }
  const distances = values.map((value) => (value === null ? Number.POSITIVE_INFINITY : Math.abs(value - at)));
  const nearest = Math.min(...distances);
  return nearest <= reach ? distances.indexOf(nearest) : undefined;
}

/** uPlot writes times with a date's local members. */
function utcAsLocal(seconds: number): Date {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() + date.getTimezoneOffset() * 60_000);
}

/** `10:00`, and the day where there are several. */
function clockLabels(splits: readonly number[], zone: "browser" | "utc"): string[] {
  const days = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 86_400 * 1.5;
  return splits.map((seconds) => {
    const text = absoluteTime(seconds * 1000, zone);
    return days ? text.slice(5, 10) : text.slice(11, 16);
  });
}

/** Room above the highest point, and never a scale without height. */
function niceTop(max: number | null, unit: Series["unit"]): number {
  if (max === null || !(max > 0)) return unit === "share" ? 0.1 : 1;
  return unit === "share" ? Math.min(1, max * 1.15) : max * 1.15;
}

/** The figures under the pointer, in a small box that follows it. */
function valuesAtCursor({ series, zone, stacked }: PlotLook): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "lv-plot-values";
  return {
    hooks: {
      init: (plot) => {
        box.hidden = true;
        plot.over.append(box);
      },
      setCursor: (plot) => {
        const { idx, left = -1 } = plot.cursor;
        box.hidden = idx === null || idx === undefined || left < 0;
        if (box.hidden || idx === null || idx === undefined) return;
        // Of the points as they are now: the chart goes on with time, its options do not.
        const atMs = (plot.data[0][idx] ?? 0) * 1000;
        // Text only, as everywhere: names of queues and states come from anyone.
        box.replaceChildren(
          paragraph(absoluteTime(atMs, zone).slice(5, 19), "lv-muted"),
          ...valueLines(plot, series, stacked, idx),
        );
        const right = left > plot.over.clientWidth / 2;
        box.style.left = right ? "" : `${left + 12}px`;
        box.style.right = right ? `${plot.over.clientWidth - left + 12}px` : "";
      },
    },
  };
}

function valueLines(plot: uPlot, series: Series, stacked: boolean, index: number): HTMLElement[] {
  return series.lines.flatMap((line, place) => {
    const value = plot.data[place + 1]?.[index];
    if (value === null || value === undefined) return [];
    const below = stacked && place > 0 ? (plot.data[place]?.[index] ?? 0) : 0;
    return [paragraph(`${line.name}  ${unitText(series.unit, value - below)}`)];
  });
}

function paragraph(text: string, className = ""): HTMLElement {
  const element = document.createElement("p");
  element.textContent = text;
  element.className = className;
  return element;
}

/** Places of the values that have none beside them. */
function lonePoints(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (place: number): boolean => values[place] !== null && values[place] !== undefined;
  return Array.from(values, (_, place) => place).filter(
    (place) => isThere(place) && !isThere(place - 1) && !isThere(place + 1),
  );
}
