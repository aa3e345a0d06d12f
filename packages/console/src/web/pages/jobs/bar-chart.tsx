import { ActionIcon } from "@mantine/core";
import { useState } from "react";
import { Icon } from "../../components/icon.js";
import "./bar-chart.css";

/** A bar, of parts on top of each other. */
export interface Bar {
  readonly name: string;
  readonly parts: readonly {
    readonly name: string;
    readonly value: number;
    /** A CSS variable, without `var()`. */
    readonly color: string;
  }[];
}

export interface BarChartProps {
  readonly bars: readonly Bar[];
  readonly label: string;
  readonly format: (value: number) => string;
}

const HEIGHT = 150;

/** Bars for what is counted by the piece; the same figures as a table at a press. For lines over time there is `Chart`. */
export function BarChart({ bars, label, format }: BarChartProps) {
  const [asTable, setAsTable] = useState(false);
  const parts = bars.flatMap((bar) => bar.parts.filter((part) => part.value > 0));
  const names = [...new Map(parts.map((part) => [part.name, part.color] as const))];
  return (
    <figure className="lv-chart">
      <figcaption>
        <ul className="lv-legend">
          {names.map(([name, color]) => (
            <li key={name}>
              <span className="lv-legend-mark" style={{ background: `var(${color})` }} />
              {name}
            </li>
          ))}
        </ul>
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
        <BarTable bars={bars} label={label} format={format} />
      ) : (
        <Bars bars={bars} label={label} format={format} />
      )}
    </figure>
  );
}

function Bars({ bars, label, format }: BarChartProps) {
  const sumOf = (bar: Bar) => bar.parts.reduce((sum, part) => sum + part.value, 0);
  const most = Math.max(0, ...bars.map(sumOf));
  if (most === 0) {
    return <p className="lv-plot-empty lv-bars-empty">Nothing in this time</p>;
  }
  const last = bars.at(-1);
  return (
    <>
      <div
        className="lv-bars"
        role="img"
        aria-label={`${label}. At most ${format(most)}; last ${last === undefined ? "none" : format(sumOf(last))}.`}
      >
        <span className="lv-bars-most" aria-hidden="true">
          {format(most)}
        </span>
        {bars.map((bar) => (
          <div key={bar.name} className="lv-bar" title={`${bar.name}: ${partsText(bar, format) || "none"}`}>
            {bar.parts
              .filter((part) => part.value > 0)
              .map((part) => (
                <span
                  key={part.name}
                  style={{ height: (part.value / most) * HEIGHT, background: `var(${part.color})` }}
                />
              ))}
          </div>
        ))}
      </div>
      <p className="lv-bars-ends lv-muted" aria-hidden="true">
        <span>{bars[0]?.name}</span>
        <span>{last?.name}</span>
      </p>
    </>
  );
}

function partsText(bar: Bar, format: BarChartProps["format"]): string {
  const parts = bar.parts.filter((part) => part.value > 0);
  return parts.map((part) => `${part.name} ${format(part.value)}`).join(", ");
}

function BarTable({ bars, label, format }: BarChartProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="lv-chart-table lv-bars-table" tabIndex={0} aria-label={label}>
      <table className="lv-table lv-plain-table">
        <caption className="lv-sr-only">{label}</caption>
        <tbody>
          {bars.toReversed().map((bar) => (
            <tr key={bar.name}>
              <th scope="row">{bar.name}</th>
              <td>{partsText(bar, format) || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
