import { ActionIcon } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "../../api/operations.js";
import { useColorScheme, usePreferences } from "../state/app-context.js";
import { useOpenPath } from "./app-link.js";
import { lineColors, plotOptions, stackLines, unitText } from "./chart-options.js";
import { ChartTable } from "./chart-table.js";
import { Icon } from "./icon.js";

export interface ChartProps {
  readonly series: Series;
  /** What it shows: "Finished tasks a minute, by state". */
  readonly label: string;
  readonly height?: number;
  /** Lines on top of each other: parts of a whole. */
  readonly stacked?: boolean;
  /** A stretch was marked; both in milliseconds. */
  readonly onZoom?: ((fromMs: number, toMs: number) => void) | undefined;
  /** Where a point leads to, as a path of the console: its stretch of time, and the line nearest to where it was clicked. */
  readonly linkTo?: ((fromMs: number, toMs: number, line: string | undefined) => string) | undefined;
  /** Instead of the tones by name: CSS variables without `var()`. */
  readonly colors?: Readonly<Record<string, string>> | undefined;
}

/** Lines over time, in the colours of the theme; the same figures as a table at a press. */
export function Chart({ series, label, height = 180, stacked = false, onZoom, linkTo, colors }: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  const openPath = useOpenPath();
  const empty = series.lines.every((line) => line.points.every((point) => point === null));
  return (
    <figure className="lv-chart">
      <figcaption>
        <Legend series={series} colors={colors} />
        <ActionIcon
          variant="subtle"
          color="gray"
          size={24}
          aria-label={asTable ? `${label}: show the chart` : `${label}: show as a table`}
          onClick={() => setAsTable(!asTable)}
        >
          <Icon name={asTable ? "chart" : "table"} size={14} />
        </ActionIcon>
      </figcaption>
      {asTable ? (
        <ChartTable series={series} label={label} height={height} linkTo={linkTo} onZoom={onZoom} />
      ) : (
        <div className="lv-plot" role="img" aria-label={`${label}. ${summary(series)}`} style={{ height }}>
          {empty ? (
            <p className="lv-plot-empty">Nothing in this time</p>
          ) : (
            <Plot
              series={series}
              height={height}
              stacked={stacked}
              onZoom={onZoom}
              {...(linkTo && { onPick: (fromMs, toMs, line) => openPath(linkTo(fromMs, toMs, line)) })}
              colors={colors}
            />
          )}
        </div>
      )}
    </figure>
  );
}

function Legend({ series, colors }: { readonly series: Series; readonly colors: ChartProps["colors"] }) {
  const shown = lineColors(series, colors);
  return (
    <ul className="lv-legend">
      {series.lines.map((line, place) => (
        <li key={line.name}>
          <span className="lv-legend-mark" style={{ background: `var(${shown[place]})` }} />
          {line.name}
        </li>
      ))}
    </ul>
  );
}

type PlotProps = Required<Pick<ChartProps, "series" | "height" | "stacked">> &
  Pick<ChartProps, "onZoom" | "colors"> & {
    readonly onPick?: (fromMs: number, toMs: number, line: string | undefined) => void;
  };

function Plot({ series, height, stacked, onZoom, onPick, colors }: PlotProps) {
  const scheme = useColorScheme();
  const [{ zone }] = usePreferences();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const handlers = useRef({ onZoom, onPick, series });
  useEffect(() => {
    handlers.current = { onZoom, onPick, series };
  });
  const data = useMemo(() => plotData(series, stacked), [series, stacked]);
  const shape = series.lines.map((line) => line.name).join("\n");
  const latestData = useRef(data);
  useEffect(() => {
    latestData.current = data;
    plot.current?.setData(data);
  }, [data]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: made anew when its lines or the colours change; points are set above
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const options = plotOptions({
      series,
      stacked,
      height,
      width: element.clientWidth,
      zone,
      colors: lineColors(series, colors).map((name) => cssColor(element, name)),
      axis: cssColor(element, "--lv-muted"),
      grid: cssColor(element, "--lv-grid"),
      onZoom: (from, to) => handlers.current.onZoom?.(from, to),
      onPick: (index, line) => pick(handlers.current, index, line),
    });
    const made = new uPlot(options, latestData.current, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, series.unit, stacked, height, scheme, zone]);
  return <div ref={box} className={onPick ? "lv-plot-box lv-plot-picks" : "lv-plot-box"} />;
}

interface PickHandlers {
  readonly onPick: PlotProps["onPick"];
  readonly series: Series;
}
function pick({ onPick, series }: PickHandlers, index: number, line: number | undefined): void {
  const fromMs = Date.parse(series.from) + index * series.step * 1000;
  onPick?.(fromMs, fromMs + series.step * 1000, line === undefined ? undefined : series.lines[line]?.name);
}

function plotData(series: Series, stacked: boolean): uPlot.AlignedData {
  const start = Date.parse(series.from) / 1000;
  const length = Math.max(0, ...series.lines.map((line) => line.points.length));
  const times = Array.from({ length }, (_, index) => start + index * series.step);
  const lines = series.lines.map((line) => [...line.points]);
  return [times, ...(stacked ? stackLines(lines) : lines)];
}

function cssColor(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim() || "#888";
}

function summary(series: Series): string {
  return series.lines
    .map((line) => {
      const last = line.points.findLast((point) => point !== null);
      return `${line.name}: ${last === undefined || last === null ? "nothing" : unitText(series.unit, last)}`;
    })
    .join(", ");
}
