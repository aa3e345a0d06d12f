import { useState } from "react";
import type { WorkerDetail } from "../../../api/workers.js";
import { AppLink, useOpenPath } from "../../components/app-link.js";
import { type Column, DataTable, type RowAction } from "../../components/data-table.js";
import { Duration } from "../../components/duration.js";
import { Empty } from "../../components/page-states.js";
import { SearchBox } from "../../components/search-box.js";
import { sortRows } from "../../components/sort-rows.js";
import { Badge } from "../../components/state-badge.js";
import { paths } from "../../paths.js";
import { useUrlState } from "../../state/url-state.js";
import { LimitsDialog, useSetLimits } from "./limits-dialog.js";
import type { OneWorkerOrders } from "./use-orders.js";

type Limit = WorkerDetail["limits"][number];

const ORIGINS: Readonly<Record<Limit["origin"], string>> = {
  task: "the task",
  settings: "its settings",
  control: "set from here",
  unknown: "not told",
};

/** The limits of each registered task as they are now, and whose they are. */
export function WorkerLimits({ worker, orders }: { readonly worker: WorkerDetail; readonly orders: OneWorkerOrders }) {
  const openPath = useOpenPath();
  const [sought, setSought] = useState<string>();
  const [{ sort = "task" }, change] = useUrlState(["sort"]);
  const [editing, setEditing] = useState<Limit>();
  const clear = useSetLimits(worker, orders.setReply, "The worker was not told");
  const found = worker.limits.filter(
    ({ task }) => sought === undefined || task.toLowerCase().includes(sought.toLowerCase()),
  );
  const rows = sortRows(
    found,
    sort,
    (limit, column) =>
      column === "soft"
        ? limit.softTimeLimit
        : column === "hard"
          ? limit.timeLimit
          : column === "origin"
            ? ORIGINS[limit.origin]
            : limit.task,
    ({ task }) => task,
  );
  const offline = worker.status === "offline";
  const open = ({ task }: Limit): RowAction => ({
    label: "Open the task type",
    icon: "eye",
    run: () => openPath(paths.taskType(task)),
  });
  const neither = orders.reason("rate-limit") !== null ? orders.reason("time-limit") : null;
  const menu = (limit: Limit): RowAction[] =>
    offline
      ? [open(limit)]
      : [
          open(limit),
          { label: "Set limits…", icon: "edit", disabled: neither, run: () => setEditing(limit) },
          {
            label: "Clear the rate limit",
            icon: "close",
            disabled: orders.reason("rate-limit") ?? (limit.rateLimit === null ? "it has none" : null),
            run: () => clear.run({ task: limit.task, all: false, rateLimit: null }, limit),
          },
          {
            label: "Clear the time limits",
            icon: "close",
            disabled:
              orders.reason("time-limit") ??
              (limit.timeLimit === null && limit.softTimeLimit === null ? "it has none" : null),
            run: () => clear.run({ task: limit.task, all: false, times: { soft: null, hard: null } }, limit),
          },
        ];
  return (
    <div className="lv-stack">
      <p className="lv-muted">
        What is set from here holds until the worker starts anew: then its program and settings say again.
      </p>
      <DataTable
        name="worker-limits"
        label="Limits by task"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ task }) => task}
        rowMenu={menu}
        rowFaded={() => worker.status !== "online"}
        {...(!offline && neither === null && { onOpen: setEditing })}
        sort={sort}
        onSort={(next) => change({ sort: next === "task" ? undefined : next }, { replace: true })}
        toolbar={<SearchBox value={sought} onChange={setSought} label="Search tasks of this worker" />}
        onClearFilters={sought === undefined ? undefined : () => setSought(undefined)}
        emptyState={
          <Empty title="No task is registered" icon="task-types">
            It has not told its tasks yet, or has none.
          </Empty>
        }
      />
      {editing && (
        <LimitsDialog worker={worker} limit={editing} orders={orders} onClose={() => setEditing(undefined)} />
      )}
    </div>
  );
}

const COLUMNS: readonly Column<Limit>[] = [
  {
    key: "task",
    title: "Task",
    sort: "task",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: ({ task }) => (
      <AppLink to={paths.taskType(task)} className="lv-cut lv-task-name" title={task}>
        <bdi>{task}</bdi>
      </AppLink>
    ),
  },
  {
    key: "rate",
    title: "Rate limit",
    card: "field",
    cell: ({ rateLimit }) => rateLimit ?? <span className="lv-none">none</span>,
  },
  {
    key: "soft",
    title: "Soft limit",
    sort: "soft",
    align: "right",
    card: "field",
    cell: ({ softTimeLimit }) =>
      softTimeLimit === null ? <span className="lv-none">none</span> : <Duration seconds={softTimeLimit} />,
  },
  {
    key: "hard",
    title: "Hard limit",
    sort: "hard",
    align: "right",
    card: "field",
    cell: ({ timeLimit }) =>
      timeLimit === null ? <span className="lv-none">none</span> : <Duration seconds={timeLimit} />,
  },
  {
    key: "origin",
    title: "From",
    sort: "origin",
    card: "field",
    hint: "Whose limits these are",
    cell: ({ origin }) =>
      origin === "control" ? (
        <Badge tone="warning" sign="✎" title="By remote control: gone when the worker starts anew">
          {ORIGINS.control}
        </Badge>
      ) : (
        <span
          className={origin === "unknown" ? "lv-none" : undefined}
          title={origin === "unknown" ? "Celery's workers do not tell" : undefined}
        >
          {ORIGINS[origin]}
        </span>
      ),
  },
];
