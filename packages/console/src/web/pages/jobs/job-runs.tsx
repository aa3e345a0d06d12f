import { NativeSelect } from "@mantine/core";
import type { JobDetail, RunSummary } from "../../../api/jobs.js";
import { apiPath } from "../../api/client.js";
import { AppLink } from "../../components/app-link.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Duration } from "../../components/duration.js";
import { FilterBar, useFilters } from "../../components/filter-bar.js";
import { Empty } from "../../components/page-states.js";
import { StateBadge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { useLiveList } from "../../components/use-live-list.js";
import { paths } from "../../paths.js";
import { progressText } from "../tasks/progress-bar.js";
import { OneLine } from "../tasks/task-columns.js";

const RUN_STATES = ["WAITING", "PENDING", "STARTED", "PROGRESS", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST"];

/** All runs of a job, newest first. */
export function JobRuns({ job }: { readonly job: JobDetail }) {
  const { values, set, clear, active } = useFilters(["state"]);
  const list = useLiveList<RunSummary>({
    name: "job-runs",
    path: apiPath`jobs/${job.slug}/runs`,
    filters: values,
    rowKey: (run) => run.id,
    topics: ["tasks"],
    concerns: (event) => event.event === "task" && event.data.job === job.slug,
    refetchEvery: 5,
  });
  return (
    <div className="lv-stack">
      <FilterBar
        chips={values.state === undefined ? [] : [{ key: "state", label: "State", value: values.state, remove: clear }]}
        onClear={clear}
      >
        <NativeSelect
          size="sm"
          aria-label="State"
          value={values.state ?? ""}
          data={[{ value: "", label: "Any state" }, ...RUN_STATES]}
          onChange={(event) => set({ state: event.currentTarget.value || undefined })}
        />
      </FilterBar>
      <DataTable
        {...list.table}
        label="Runs"
        columns={COLUMNS}
        rowLink={(run) => paths.run(job.slug, run.id)}
        onClearFilters={active ? clear : undefined}
        emptyState={
          <Empty title="It has never run" icon="jobs">
            Press Run above; its runs appear here with their parameters and figures.
          </Empty>
        }
      />
    </div>
  );
}

const COLUMNS: readonly Column<RunSummary>[] = [
  {
    key: "number",
    title: "#",
    fixed: true,
    card: "title",
    width: "4rem",
    cell: (run) => (
      <AppLink to={paths.run(run.job, run.id)} aria-label={`Run ${run.number}`}>
        {run.number}
      </AppLink>
    ),
  },
  { key: "state", title: "State", card: "field", cell: (run) => <StateBadge state={run.state} /> },
  {
    key: "started",
    title: "Started",
    card: "field",
    cell: (run) => <Time at={run.started ?? run.queuedAt} focusable={false} />,
  },
  { key: "length", title: "Length", align: "right", card: "field", cell: (run) => <Duration seconds={run.length} /> },
  {
    key: "progress",
    title: "Progress",
    cell: (run) =>
      run.progress === null ? (
        <span className="lv-none">–</span>
      ) : (
        <span className="lv-number">{progressText(run.progress)}</span>
      ),
  },
  { key: "by", title: "By", card: "field", cell: (run) => <OneLine text={run.by} /> },
  { key: "parameters", title: "Parameters", cell: (run) => <OneLine text={membersText(run.parameters)} mono /> },
  { key: "counters", title: "Counters", cell: (run) => <OneLine text={countersText(run.counters)} /> },
];

/** `blog="aws" limit=20` */
function membersText(parameters: Readonly<Record<string, unknown>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(" ");
}

function countersText(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters)
    .map(([name, value]) => `${name} ${value.toLocaleString("en", { maximumFractionDigits: 2 })}`)
    .join(", ");
}
