import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { Series } from "../../api/operations.js";
import { usePreferences } from "../state/app-context.js";
import { AppLink } from "./app-link.js";
import { unitText } from "./chart-options.js";
import { absoluteTime } from "./time.js";

export interface ChartTableProps {
  readonly series: Series;
  readonly label: string;
  readonly height: number;
  /** As of the chart: what a point leads to. */
  readonly linkTo?: ((fromMs: number, toMs: number, line: string | undefined) => string) | undefined;
  readonly onZoom?: ((fromMs: number, toMs: number) => void) | undefined;
}

/** The figures of a chart, newest first, with all that the chart does for a mouse: each point leads to its tasks, and a stretch can be zoomed to. */
export function ChartTable({ series, label, height, linkTo, onZoom }: ChartTableProps) {
  const [{ zone }] = usePreferences();
  const points = pointsOf(series).map((fromMs, index) => ({
    index,
    fromMs,
    toMs: fromMs + series.step * 1000,
    text: absoluteTime(fromMs, zone).slice(0, 19),
  }));
  return (
    <>
      {onZoom && points.length > 2 && <ZoomForm points={points} label={label} onZoom={onZoom} />}
      <section
        className="lv-chart-table"
        style={{ height }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={label}
      >
        <table className="lv-table lv-plain-table">
          <caption className="lv-sr-only">{label}</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {series.lines.map((line) => (
                <th key={line.name} scope="col" className="lv-right">
                  {line.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...points].reverse().map(({ index, fromMs, toMs, text }) => (
              <tr key={index}>
                <td className="lv-number">
                  {linkTo ? <AppLink to={linkTo(fromMs, toMs, undefined)}>{text}</AppLink> : text}
                </td>
                {series.lines.map((line) => {
                  const value = line.points[index];
                  const figure = value === null || value === undefined ? "–" : unitText(series.unit, value);
                  return (
                    <td key={line.name} className="lv-right lv-number">
                      {linkTo && value ? (
                        <AppLink to={linkTo(fromMs, toMs, line.name)} aria-label={`${line.name}, ${text}: ${figure}`}>
                          {figure}
                        </AppLink>
                      ) : (
                        figure
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** When the points of a series begin, in milliseconds. */
function pointsOf({ from, step, lines }: Series): readonly number[] {
  const start = Date.parse(from);
  const length = Math.max(0, ...lines.map((line) => line.points.length));
  return Array.from({ length }, (_, index) => start + index * step * 1000);
}

interface ZoomFormProps {
  /** Oldest first. */
  readonly points: readonly { readonly fromMs: number; readonly toMs: number; readonly text: string }[];
  readonly label: string;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

/** Marks a stretch by its first and last point. Points come and go as time goes on: they are kept by their instants. */
function ZoomForm({ points, label, onZoom }: ZoomFormProps) {
  const [from, setFrom] = useState<string>();
  const [to, setTo] = useState<string>();
  const data = points.map(({ fromMs, text }) => ({ value: String(fromMs), label: text }));
  const first = points.find(({ fromMs }) => String(fromMs) === from) ?? points[0];
  const last = points.find(({ fromMs }) => String(fromMs) === to) ?? points.at(-1);
  return (
    <form
      className="lv-row-of"
      aria-label={`${label}: zoom`}
      onSubmit={(event) => {
        event.preventDefault();
        if (first && last) onZoom(Math.min(first.fromMs, last.fromMs), Math.max(first.toMs, last.toMs));
      }}
    >
      <NativeSelect
        size="xs"
        aria-label={`${label}: zoom from`}
        data={data}
        value={String(first?.fromMs)}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <NativeSelect
        size="xs"
        aria-label={`${label}: zoom to`}
        data={data}
        value={String(last?.fromMs)}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <Button type="submit" size="xs" variant="default">
        Zoom
      </Button>
    </form>
  );
}
