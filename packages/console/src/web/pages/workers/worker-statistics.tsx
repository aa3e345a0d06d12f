import type { Series } from "../../../api/operations.js";
import type { WorkerDetail } from "../../../api/workers.js";
import { useApi } from "../../api/use-api.js";
import { AppLink } from "../../components/app-link.js";
import { Chart } from "../../components/chart.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Duration, durationText } from "../../components/duration.js";
import { sizeText } from "../../components/json-text.js";
import { Facts, Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";

type Runtime = WorkerDetail["runtimes"][number];

/** How its tasks fare, and what it takes of its machine. */
export function WorkerStatistics({ worker }: { readonly worker: WorkerDetail }) {
  return (
    <div className="lv-stack">
      <div className="lv-two-panels">
        <Panel title="Tasks" className="lv-task-facts">
          <Facts
            facts={[
              { name: "Processed", value: worker.processed === null ? null : whole(worker.processed) },
              { name: "Succeeded", value: whole(worker.succeeded) },
              { name: "Failed", value: whole(worker.failed) },
              { name: "Retried", value: whole(worker.retried) },
              { name: "Uptime", value: <Duration seconds={worker.uptime} /> },
            ]}
          />
        </Panel>
        <Panel title="Machine" className="lv-task-facts">
          <Facts facts={machineFacts(worker)} />
        </Panel>
      </div>
      <div className="lv-two-panels">
        <ChartPanel worker={worker.name} metric="slots" title="Busy slots" />
        <ChartPanel worker={worker.name} metric="runtime" title="Runtime" />
      </div>
      <DataTable
        name="worker-runtimes"
        label="Runtimes by task"
        columns={COLUMNS}
        rows={[...worker.runtimes].sort((a, b) => b.count - a.count)}
        rowKey={({ task }) => task}
        rowLink={({ task }) => paths.taskType(task)}
        toolbar={<h2>Runtime by task type</h2>}
        emptyState={<p className="lv-quiet-line lv-muted">No task of it has succeeded while the console watched.</p>}
      />
    </div>
  );
}

/** Names of getrusage(2), as workers send them; others are shown as they come. */
const USAGE: Readonly<Record<string, { readonly name: string; readonly text: (value: number) => string }>> = {
  utime: { name: "CPU, user", text: durationText },
  stime: { name: "CPU, system", text: durationText },
  maxrss: { name: "Peak memory", text: (kibibytes) => sizeText(kibibytes * 1024) },
  inblock: { name: "Blocks read", text: whole },
  oublock: { name: "Blocks written", text: whole },
  majflt: { name: "Disk faults", text: whole },
  nvcsw: { name: "Waits", text: whole },
  nivcsw: { name: "Preemptions", text: whole },
};

function machineFacts(worker: WorkerDetail) {
  const load = worker.loadAverage.map((each) => each.toFixed(2)).join(" · ");
  return [
    { name: "Load", value: load === "" ? null : <span className="lv-number">{load}</span> },
    ...Object.entries(USAGE).flatMap(([key, { name, text }]) => {
      const value = worker.usage[key];
      return value === undefined ? [] : [{ name, value: <span className="lv-number">{text(value)}</span> }];
    }),
  ];
}

interface ChartPanelProps {
  readonly worker: string;
  readonly metric: "slots" | "runtime";
  readonly title: string;
}

function ChartPanel({ worker, metric, title }: ChartPanelProps) {
  const answer = useApi<Series>("series", { metric, range: "1h", by: `worker:${worker}` }, { refetchEvery: 10 });
  return (
    <Panel title={`${title}, last hour`}>
      <Loaded answer={answer} lines={4}>
        {(series) => <Chart series={series} label={`${title} of ${worker} in the last hour`} height={140} />}
      </Loaded>
    </Panel>
  );
}

const COLUMNS: readonly Column<Runtime>[] = [
  {
    key: "task",
    title: "Task",
    fixed: true,
    card: "title",
    cell: ({ task }) => (
      <AppLink to={paths.taskType(task)} className="lv-cut lv-task-name" title={task}>
        <bdi>{task}</bdi>
      </AppLink>
    ),
  },
  {
    key: "count",
    title: "Runs",
    align: "right",
    card: "field",
    cell: ({ count }) => <span className="lv-number">{whole(count)}</span>,
  },
  { key: "p50", title: "p50", align: "right", card: "field", cell: ({ p50 }) => <Duration seconds={p50} /> },
  { key: "p95", title: "p95", align: "right", card: "field", cell: ({ p95 }) => <Duration seconds={p95} /> },
];
