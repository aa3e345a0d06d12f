import { SegmentedControl, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ErrorGroup } from "../../api/tasks.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { type Column, DataTable, type RowAction } from "../components/data-table.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { useSteadyRows } from "../components/use-steady-rows.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { texts } from "../texts.js";
import { BulkDialog, type BulkRequest } from "./tasks/bulk-dialog.js";
import { OperationStrip } from "./tasks/operation-strip.js";
import { Sparkline } from "./tasks/sparkline.js";
import { OneLine, WorkerNames } from "./tasks/task-columns.js";
import { rangeStart, TIME_RANGES, type TimeRangeName } from "./tasks/time-ranges.js";
import "./tasks/tasks.css";

const KEYS = ["range", "task", "queue"] as const;

/** Failures grouped by task, class and message. */
export function ErrorsPage() {
  const { values, set, clear, active } = useFilters(KEYS);
  const range: TimeRangeName = TIME_RANGES.find((each) => each === values.range) ?? "24h";
  const [operation, setOperation] = useState<string>();
  const answer = useApi<{ readonly items: readonly ErrorGroup[] }>(
    "errors",
    { range, task: values.task, queue: values.queue },
    {
      live: { topics: ["tasks"], merge: mergeFailures, asksEvery: 5 },
      // What is retried leaves its group without failing: that is seen by asking only.
      refetchEvery: operation === undefined ? 15 : 3,
    },
  );
  const steady = useSteadyRows(
    answer.data?.items,
    ({ fingerprint }) => fingerprint,
    JSON.stringify([range, values.task, values.queue]),
  );
  const [request, setRequest] = useState<BulkRequest>();
  const asTasks = useGroupAsTasks(range, values.queue);
  const repeat = (kind: "rerun" | "retry", group: ErrorGroup) =>
    setRequest({
      action: kind,
      what: `failures of ${group.task} with ${group.class}`,
      count: group.count,
      filter: asTasks.filter(group),
    });
  const menu = useGroupMenu(asTasks.open, repeat);
  const chips: FilterChip[] = (["task", "queue"] as const).flatMap((key) =>
    values[key] === undefined
      ? []
      : [
          {
            key,
            label: key === "task" ? "Task" : "Queue",
            value: values[key],
            remove: () => set({ [key]: undefined }),
          },
        ],
  );
  return (
    <Page
      title={texts.nav.errors}
      lead="Failures with the same task, class and message, once ids, numbers and quoted text are left out."
    >
      <FilterBar chips={chips} onClear={clear} views={{ page: "tasks/errors", keys: KEYS }}>
        <SegmentedControl
          size="xs"
          aria-label="Range"
          data={[...TIME_RANGES]}
          value={range}
          onChange={(next) => set({ range: next === "24h" ? undefined : next })}
        />
        <FilterText label="Task" value={values.task} onChange={(task) => set({ task })} />
        <FilterText label="Queue" value={values.queue} onChange={(queue) => set({ queue })} />
      </FilterBar>
      {operation !== undefined && <OperationStrip id={operation} onClose={() => setOperation(undefined)} />}
      <DataTable
        name="errors"
        label="Groups of errors"
        columns={COLUMNS}
        {...steady}
        rowKey={(group) => group.fingerprint}
        rowLink={asTasks.path}
        rowMenu={menu}
        loading={answer.isPlaceholderData}
        error={answer.error}
        onRetry={() => void answer.refetch()}
        exports={answer.data && { rows: answer.data.items }}
        onClearFilters={active ? clear : undefined}
        emptyState={
          <Empty title="No failures" icon="circle-check">
            Nothing has failed in the last {range}.
          </Empty>
        }
      />
      {request !== undefined && (
        <BulkDialog
          request={request}
          onClose={() => setRequest(undefined)}
          onStarted={(started) => setOperation(started.id)}
        />
      )}
    </Page>
  );
}

function mergeFailures<T>(groups: T, events: readonly LiveEvent[]): T | "refetch" {
  return events.some(({ event, data }) => event === "task" && data.state === "FAILURE") ? "refetch" : groups;
}

/** A group as a filter of the task list. */
function useGroupAsTasks(range: TimeRangeName, queue: string | undefined) {
  const openPath = useOpenPath();
  const filter = (group: ErrorGroup) => ({
    error: group.fingerprint,
    state: "FAILURE",
    receivedFrom: rangeStart(range),
    ...(queue !== undefined && { queue }),
  });
  const path = (group: ErrorGroup) => paths.tasks(filter(group));
  return { filter, path, open: (group: ErrorGroup) => openPath(path(group)) };
}

function useGroupMenu(open: (group: ErrorGroup) => void, repeat: (kind: "rerun" | "retry", group: ErrorGroup) => void) {
  const openPath = useOpenPath();
  const may = useMay("operator");
  const disabled = may ? null : texts.needsRole("operator");
  return (group: ErrorGroup): RowAction[] => [
    { label: "Open as tasks", icon: "tasks", run: () => open(group) },
    { label: "Open a sample", icon: "eye", run: () => openPath(paths.task(group.sampleId)) },
    { label: "Retry the group…", icon: "refresh", disabled, run: () => repeat("retry", group) },
    { label: "Re-run the group…", icon: "rerun", disabled, run: () => repeat("rerun", group) },
  ];
}

function FilterText({
  label,
  value = "",
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}) {
  return (
    <TextInput
      key={value}
      size="xs"
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      onBlur={(event) => onChange(event.currentTarget.value.trim() || undefined)}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          onChange(event.currentTarget.value.trim() || undefined);
        }
      }}
    />
  );
}

const COLUMNS: readonly Column<ErrorGroup>[] = [
  {
    key: "error",
    title: "Error",
    fixed: true,
    card: "title",
    cell: (group) => (
      <span className="lv-error-group">
        <strong>{group.class}</strong>
        <OneLine text={group.message} />
      </span>
    ),
  },
  {
    key: "task",
    title: "Task",
    card: "field",
    cell: (group) => (
      <AppLink to={paths.taskType(group.task)} className="lv-cut">
        <bdi>{group.task}</bdi>
      </AppLink>
    ),
  },
  {
    key: "count",
    title: "Count",
    align: "right",
    card: "field",
    cell: (group) => <span className="lv-number">{whole(group.count)}</span>,
  },
  {
    key: "trend",
    title: "Trend",
    card: "field",
    cell: (group) => <Sparkline values={group.trend} label={`Failures over time: ${group.trend.join(", ")}`} />,
  },
  { key: "firstSeen", title: "First seen", cell: (group) => <Time at={group.firstSeen} focusable={false} /> },
  {
    key: "lastSeen",
    title: "Last seen",
    card: "field",
    cell: (group) => <Time at={group.lastSeen} focusable={false} />,
  },
  { key: "workers", title: "Workers", cell: (group) => <WorkerNames names={group.workers} /> },
  { key: "sample", title: "Sample", cell: (group) => <AppLink to={paths.task(group.sampleId)}>Open</AppLink> },
];
