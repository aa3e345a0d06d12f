import { Button, SegmentedControl } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { Series, Tiles } from "../../../api/operations.js";
import type { LiveEvent } from "../../api/live.js";
import { useApi } from "../../api/use-api.js";
import { Chart } from "../../components/chart.js";
import { type Stretch, zoomSeries } from "../../components/chart-zoom.js";
import { Icon } from "../../components/icon.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { paths } from "../../paths.js";
import { useUrlState } from "../../state/url-state.js";
import { overviewTexts } from "./overview-texts.js";

const texts = overviewTexts.charts;
const RANGES = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
/** Seconds between questions: about as often as a new point comes. */
const EVERY: Readonly<Record<string, number>> = { "15m": 10, "1h": 10, "6h": 30, "24h": 60, "7d": 300, "30d": 300 };

/** How things went, in six charts with one time. Marking a stretch of one zooms all. */
export function OverviewCharts() {
  const [{ range = "1h" }, change] = useUrlState(["range"]);
  const [zoom, setZoom] = useState<Stretch>();
  const shared = { range, zoom, onZoom: (fromMs: number, toMs: number) => setZoom({ fromMs, toMs }) };
  return (
    <section className="lv-charts" aria-label="Charts">
      <div className="lv-charts-bar">
        <SegmentedControl
          size="xs"
          aria-label={texts.range}
          value={range}
          data={RANGES.map((value) => ({ value, label: value.replace(/(\d+)/, "$1 ") }))}
          onChange={(value) => {
            setZoom(undefined);
            change({ range: value === "1h" ? undefined : value }, { replace: true });
          }}
        />
        {zoom && (
          <Button
            variant="default"
            size="xs"
            leftSection={<Icon name="zoom" size={14} />}
            onClick={() => setZoom(undefined)}
          >
            {texts.zoomOut}
          </Button>
        )}
      </div>
      <div className="lv-chart-grid">
        <ChartPanel {...shared} metric="throughput" title={texts.throughput} stacked wide />
        <ChartPanel {...shared} metric="failures" title={texts.failures} />
        <ChartPanel {...shared} metric="wait" title={texts.wait} />
        <ChartPanel {...shared} metric="runtime" title={texts.runtime} />
        <ChartPanel {...shared} metric="slots" title={texts.slots} />
        <ChartPanel {...shared} metric="depth" title={texts.depth} wide />
      </div>
    </section>
  );
}

interface ChartPanelProps {
  readonly metric: Metric;
  readonly title: string;
  readonly range: string;
  readonly zoom: Stretch | undefined;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  readonly stacked?: boolean;
  readonly wide?: boolean;
}

type Metric = "throughput" | "failures" | "wait" | "runtime" | "slots" | "depth";

/** What the tiles tell of a chart's newest point: when that changes, the chart is out of date. */
const TOLD: Readonly<Record<Metric, (tiles: Tiles) => readonly (number | null)[]>> = {
  throughput: ({ finishedPerMinute, failures }) => [finishedPerMinute, failures],
  failures: ({ finishedPerMinute, failures }) => [finishedPerMinute, failures],
  wait: ({ finishedPerMinute, running }) => [finishedPerMinute, running],
  runtime: ({ finishedPerMinute }) => [finishedPerMinute],
  slots: ({ running, slots }) => [running, slots],
  depth: ({ ready }) => [ready],
};

/** Ranges whose points are so close that one shows at once what has just happened. */
const LIVE_RANGES: readonly string[] = ["15m", "1h"];

/** A chart whose newest point keeps up with the tiles. */
function useLiveSeries(metric: Metric, range: string) {
  const heard = useRef<string>(undefined);
  /** As heard when the answer came. */
  const shown = useRef<string>(undefined);
  const merge = (series: Series, events: readonly LiveEvent[]): Series | "refetch" => {
    const tiles = events.findLast((event) => event.event === "stats")?.data;
    if (tiles === undefined) return series;
    heard.current = JSON.stringify(TOLD[metric](tiles));
    return heard.current === shown.current ? series : "refetch";
  };
  const live = LIVE_RANGES.includes(range) ? { topics: ["stats"], merge } : undefined;
  const answer = useApi<Series>("series", { metric, range }, { live, refetchEvery: EVERY[range] ?? 10 });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new answer is what it waits for
  useEffect(() => {
    shown.current = heard.current;
  }, [answer.dataUpdatedAt]);
  return answer;
}

function ChartPanel({ metric, title, range, zoom, onZoom, stacked = false, wide = false }: ChartPanelProps) {
  const answer = useLiveSeries(metric, range);
  return (
    <Panel title={title} className={wide ? "lv-chart-wide" : ""}>
      <Loaded answer={answer} lines={6}>
        {(series) => (
          <Chart
            series={zoom ? zoomSeries(series, zoom) : series}
            label={title}
            stacked={stacked}
            onZoom={onZoom}
            linkTo={(fromMs, toMs, line) => tasksAt(metric, fromMs, toMs, line)}
          />
        )}
      </Loaded>
    </Panel>
  );
}

/** The tasks behind a point of a chart. */
function tasksAt(metric: Series["metric"], fromMs: number, toMs: number, line: string | undefined): string {
  const time = { receivedFrom: new Date(fromMs).toISOString(), receivedTo: new Date(toMs).toISOString() };
  if (metric === "throughput") return paths.tasks({ ...time, state: line?.toUpperCase() });
  if (metric === "failures") return paths.tasks({ ...time, state: "FAILURE" });
  if (metric === "depth") return paths.tasks({ ...time, queue: line === "other" ? undefined : line });
  return paths.tasks({ ...time, ...(metric === "runtime" && { sort: "-runtime" }) });
}
