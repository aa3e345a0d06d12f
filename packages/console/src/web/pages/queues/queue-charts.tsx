import { SegmentedControl } from "@mantine/core";
import type { Series } from "../../../api/operations.js";
import { useApi } from "../../api/use-api.js";
import { Chart } from "../../components/chart.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { useUrlState } from "../../state/url-state.js";
import { TIME_RANGES, type TimeRangeName } from "../tasks/time-ranges.js";

/** How full it was, and how fast messages came and went. */
export function QueueCharts({ name }: { readonly name: string }) {
  const [{ range }, change] = useUrlState(["range"]);
  const chosen: TimeRangeName = TIME_RANGES.find((each) => each === range) ?? "1h";
  const query = { range: chosen, by: `queue:${name}` };
  const depth = useApi<Series>("series", { metric: "depth", ...query }, { refetchEvery: 10 });
  const rates = useApi<Series>("series", { metric: "queue", ...query }, { refetchEvery: 10 });
  return (
    <div className="lv-two-panels lv-queue-charts">
      <Panel
        title="Depth"
        tools={
          <SegmentedControl
            size="xs"
            aria-label="Range"
            data={[...TIME_RANGES]}
            value={chosen}
            onChange={(next) => change({ range: next === "1h" ? undefined : next }, { replace: true })}
          />
        }
      >
        <Loaded answer={depth} lines={4}>
          {(series) => <Chart series={series} label={`Messages in ${name}`} height={130} />}
        </Loaded>
      </Panel>
      <Panel title="Messages a minute">
        <Loaded answer={rates} lines={4}>
          {(series) => <Chart series={series} label={`Messages of ${name} a minute`} height={130} />}
        </Loaded>
      </Panel>
    </div>
  );
}
