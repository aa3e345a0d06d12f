import { Button, NativeSelect } from "@mantine/core";
import type { JobSummary } from "../../api/jobs.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { type Column, DataTable, type RowAction } from "../components/data-table.js";
import { Duration } from "../components/duration.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { Badge, StateBadge } from "../components/state-badge.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { useSteadyRows } from "../components/use-steady-rows.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { type JobFilter, matchingJobs, sortJobs } from "./jobs/job-filter.js";
import { type JobToRun, RunButton } from "./jobs/start-run.js";
import { useRunJob } from "./jobs/use-run-job.js";
import { percentText } from "./tasks/percent-text.js";
import { OneLine } from "./tasks/task-columns.js";
import "./tasks/tasks.css";

const KEYS = ["q", "task", "state"] as const;

/** Every job, of the program and made here, with its Run button. */
export function JobsPage() {
  const { values, set, clear, active } = useFilters(KEYS);
  const [{ sort = "title" }, change] = useUrlState(["sort"]);
  const runJob = useRunJob();
  const openPath = useOpenPath();
  const may = useMay("operator");
  const answer = useApi<JobList>("jobs", {}, { live: { topics: ["tasks"], merge: mergeRuns }, refetchEvery: 15 });
  const all = answer.data?.items;
  const filter: JobFilter = values;
  const rows = all && sortJobs(matchingJobs(all, filter), sort);
  const steady = useSteadyRows(rows, ({ slug }) => slug, JSON.stringify([filter, sort]));
  const chips = KEYS.flatMap((key): FilterChip[] =>
    values[key] === undefined
      ? []
      : [{ key, label: CHIP_LABELS[key], value: values[key], remove: () => set({ [key]: undefined }) }],
  );
  const menu = (job: JobSummary): RowAction[] => [
    { label: "Open", icon: "eye", run: () => openPath(paths.job(job.slug)) },
    {
      label: "Run",
      icon: "play",
      disabled: may ? null : texts.needsRole("operator"),
      run: () => runJob.run({ slug: job.slug, title: job.title }),
    },
    { label: "Runs as tasks", icon: "tasks", run: () => openPath(paths.tasks({ job: job.slug })) },
    {
      label: "Edit",
      icon: "edit",
      disabled: job.source === "app" ? "written in the program: app.job(…)" : null,
      run: () => openPath(paths.editJob(job.slug)),
    },
  ];
  return (
    <Page
      title={texts.nav.jobs}
      lead="Named uses of tasks: press Run, watch, read the log."
      actions={
        <NeedsRole role="operator">
          <Button leftSection={<Icon name="plus" size={15} />} onClick={() => openPath(paths.newJob())}>
            New job
          </Button>
        </NeedsRole>
      }
    >
      <FilterBar chips={chips} onClear={clear} views={{ page: "jobs", keys: KEYS }}>
        <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search jobs" />
        <NativeSelect
          size="sm"
          aria-label="Task"
          value={values.task ?? ""}
          data={[{ value: "", label: "Any task" }, ...[...new Set((all ?? []).map((job) => job.task))].sort()]}
          onChange={(event) => set({ task: event.currentTarget.value || undefined })}
        />
        <NativeSelect
          size="sm"
          aria-label="Last state"
          value={values.state ?? ""}
          data={[
            { value: "", label: "Any last state" },
            "SUCCESS",
            "FAILURE",
            "REVOKED",
            "STARTED",
            "LOST",
            { value: "none", label: "never run" },
          ]}
          onChange={(event) => set({ state: event.currentTarget.value || undefined })}
        />
      </FilterBar>
      <div className="lv-jobs">
        <DataTable
          name="jobs"
          label="Jobs"
          columns={columnsOf(runJob.run)}
          {...steady}
          rowKey={(job) => job.slug}
          rowLink={(job) => paths.job(job.slug)}
          rowMenu={menu}
          sort={sort}
          onSort={(next) => change({ sort: next === "title" ? undefined : next })}
          error={answer.error}
          onRetry={() => void answer.refetch()}
          exports={rows && { rows }}
          onClearFilters={active ? clear : undefined}
          emptyState={<NoJobs />}
        />
      </div>
      {runJob.dialog}
    </Page>
  );
}

interface JobList {
  readonly items: readonly JobSummary[];
}

/** Figures of jobs change with tasks of their runs, and with no others. */
function mergeRuns(jobs: JobList, events: readonly LiveEvent[]): JobList | "refetch" {
  return events.some(({ event, data }) => event === "task" && data.job !== null) ? "refetch" : jobs;
}

const CHIP_LABELS = { q: "Search", task: "Task", state: "Last state" } as const;

function columnsOf(run: (job: JobToRun) => void): Column<JobSummary>[] {
  return [
    {
      key: "title",
      title: "Job",
      sort: "title",
      firstSort: "ascending",
      fixed: true,
      card: "title",
      cell: (job) => (
        <span className="lv-job-title">
          <AppLink to={paths.job(job.slug)}>
            <bdi>{job.title}</bdi>
          </AppLink>
          {job.description !== null && <OneLine text={job.description} />}
        </span>
      ),
    },
    {
      key: "task",
      title: "Task",
      sort: "task",
      firstSort: "ascending",
      cell: (job) => (
        <AppLink to={paths.taskType(job.task)} className="lv-cut lv-cut-short" title={job.task}>
          <bdi>{job.task}</bdi>
        </AppLink>
      ),
    },
    { key: "lastRun", title: "Last run", sort: "lastRun", card: "field", cell: (job) => <LastRun job={job} /> },
    {
      key: "running",
      title: "Running",
      sort: "running",
      align: "right",
      card: "field",
      hint: "Runs that go on now",
      cell: (job) =>
        job.running === 0 ? <span className="lv-none">0</span> : <Badge tone="running">{String(job.running)}</Badge>,
    },
    {
      key: "successRate",
      title: "Success",
      sort: "successRate",
      align: "right",
      card: "field",
      hint: "Of the last 50 that ended",
      cell: (job) => <span className="lv-number">{percentText(job.successRate)}</span>,
    },
    {
      key: "lengthP95",
      title: "p95 length",
      sort: "lengthP95",
      align: "right",
      cell: (job) => <Duration seconds={job.lengthP95} />,
    },
    {
      key: "nextRun",
      title: "Next run",
      sort: "nextRun",
      firstSort: "ascending",
      cell: (job) => <Time at={job.nextRun} focusable={false} />,
    },
    {
      key: "runs",
      title: "Runs",
      sort: "runs",
      align: "right",
      cell: (job) => <span className="lv-number">{whole(job.runs)}</span>,
    },
    { key: "run", title: "Run", fixed: true, card: "field", cell: (job) => <RunButton job={job} onRun={run} /> },
  ];
}

function LastRun({ job }: { readonly job: JobSummary }) {
  const last = job.lastRun;
  if (last === null) {
    return <span className="lv-muted">never run</span>;
  }
  return (
    <span className="lv-last-run">
      <AppLink to={paths.run(job.slug, last.id)} aria-label={`Run ${last.number}, ${last.state}`}>
        <StateBadge state={last.state} />
      </AppLink>
      <Time at={last.started ?? last.queuedAt} focusable={false} />
      <span className="lv-muted">
        <Duration seconds={last.length} />
      </span>
    </span>
  );
}

function NoJobs() {
  const openPath = useOpenPath();
  return (
    <Empty
      title="No jobs yet"
      icon="jobs"
      code={'app.job("nightly-report", {\n  task: buildReport,\n  title: "Nightly report",\n});'}
      action={
        <NeedsRole role="operator">
          <Button variant="default" size="xs" onClick={() => openPath(paths.newJob())}>
            New job
          </Button>
        </NeedsRole>
      }
    >
      A job is a named use of a task, with a Run button. Write it in the program, or make it here.
    </Empty>
  );
}
