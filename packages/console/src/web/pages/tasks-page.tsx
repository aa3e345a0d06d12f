import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Page as ListPage } from "../../api/common.js";
import type { TaskFilter, TaskPage, TaskSummary } from "../../api/tasks.js";
import { apiUrl } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useOpenPath } from "../components/app-link.js";
import { DataTable, type RowAction } from "../components/data-table.js";
import { FilterBar, StateChips, useFilters } from "../components/filter-bar.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page } from "../components/page.js";
import { SearchBox } from "../components/search-box.js";
import { useLiveList } from "../components/use-live-list.js";
import { useSelection } from "../components/use-selection.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { texts } from "../texts.js";
import { BulkActions } from "./tasks/bulk-actions.js";
import { fits } from "./tasks/fitting-actions.js";
import { NoTasks } from "./tasks/no-tasks.js";
import { OperationStrip } from "./tasks/operation-strip.js";
import { SearchedSoFar } from "./tasks/searched-so-far.js";
import { StopAllDialog } from "./tasks/stop-all-dialog.js";
import { TASK_COLUMNS } from "./tasks/task-columns.js";
import { chipsOf, TASK_FILTER_KEYS, TaskFilters } from "./tasks/task-filters.js";
import { CHIP_STATES } from "./tasks/task-states.js";
import { type TaskActs, useTaskActs } from "./tasks/use-task-acts.js";
import { useTaskSearchKeys } from "./tasks/use-task-search-keys.js";
import "./tasks/tasks.css";

/** What `GET tasks` answers: rows, how many there are in each state, and how far a search came that is not over. */
type TaskListPage = ListPage<TaskSummary> & Pick<TaskPage, "states" | "searched">;

/** All tasks: filtered, live, and what can be done with one, some or all of them. */
export function TasksPage() {
  const filters = useFilters(TASK_FILTER_KEYS);
  const filter: TaskFilter = filters.values;
  const list = useLiveList<TaskSummary, TaskListPage>({
    name: "tasks",
    path: "tasks",
    filters: filters.values,
    rowKey: (task) => task.id,
    defaultSort: "-received",
    topics: ["tasks"],
    rowOf: taskOf,
    isNewer: (candidate, shown) => candidate.version > shown.version,
  });
  const selection = useSelection(JSON.stringify(filters.values));
  const [operation, setOperation] = useState<string>();
  const acts = useTaskActs();
  const menu = useTaskMenu(acts);
  const searchKeys = useTaskSearchKeys();
  const problem = list.problem?.problem;
  const badQuery = problem?.code === "bad_query" || problem?.position !== undefined ? problem : undefined;
  const states = list.page?.states;
  const searched = list.page?.searched;
  const searchedSoFar = searched && (
    <SearchedSoFar
      to={searched.to}
      ascending={list.table.sort === "received"}
      found={list.table.rows !== undefined && list.table.rows.length > 0}
      onFurther={list.table.paging?.next}
    />
  );
  return (
    <Page
      title={texts.nav.tasks}
      actions={<PageActions filter={filters.active ? filter : undefined} onStarted={setOperation} />}
    >
      <FilterBar
        chips={chipsOf(filters.values, filters.set)}
        onClear={filters.clear}
        views={{ page: "tasks", keys: TASK_FILTER_KEYS }}
      >
        <SearchBox
          value={filters.values.q}
          onChange={(q) => filters.set({ q })}
          label="Search tasks"
          placeholder="name:add -state:SUCCESS runtime:>5"
          keys={searchKeys}
          problem={badQuery}
        />
        <TaskFilters values={filters.values} set={filters.set} />
      </FilterBar>
      <StateChips
        states={CHIP_STATES}
        counts={states}
        value={filters.values.state}
        onChange={(state) => filters.set({ state })}
      />
      {operation !== undefined && <OperationStrip id={operation} onClose={() => setOperation(undefined)} />}
      <DataTable
        {...list.table}
        // A bad query that comes first has no old rows to keep: nothing is on its way either.
        rows={list.table.rows ?? (badQuery === undefined ? undefined : [])}
        error={badQuery === undefined ? list.table.error : undefined}
        label="Tasks"
        columns={TASK_COLUMNS}
        selection={selection}
        bulk={() => (
          <BulkActions
            selection={selection}
            rows={list.page?.items ?? []}
            filter={filter}
            states={states}
            onStarted={(started) => {
              setOperation(started.id);
              selection.clear();
            }}
          />
        )}
        rowMenu={menu}
        rowLink={(task) => paths.task(task.id)}
        exports={{ csv: exportUrl(filters.values, "csv"), json: exportUrl(filters.values, "json") }}
        onClearFilters={filters.active && !searched ? filters.clear : undefined}
        emptyState={searchedSoFar ?? <NoTasks />}
      />
      {list.table.rows !== undefined && list.table.rows.length > 0 && searchedSoFar}
      {acts.dialog}
    </Page>
  );
}

function taskOf(event: LiveEvent): TaskSummary | undefined {
  return event.event === "task" ? event.data : undefined;
}

function exportUrl(filter: Readonly<Record<string, string | undefined>>, format: "csv" | "json"): string {
  return apiUrl("tasks/export", { ...filter, format });
}

interface PageActionsProps {
  readonly filter: TaskFilter | undefined;
  readonly onStarted: (operation: string) => void;
}

function PageActions({ filter, onStarted }: PageActionsProps) {
  const openPath = useOpenPath();
  const [stopping, setStopping] = useState(false);
  return (
    <>
      <NeedsRole role="operator">
        <Button leftSection={<Icon name="send" size={15} />} onClick={() => openPath(paths.send())}>
          Send task
        </Button>
      </NeedsRole>
      <NeedsRole role="operator">
        <Button
          color="red"
          variant="light"
          leftSection={<Icon name="stop" size={14} />}
          onClick={() => setStopping(true)}
        >
          Stop all…
        </Button>
      </NeedsRole>
      {stopping && (
        <StopAllDialog
          filter={filter}
          onClose={() => setStopping(false)}
          onStarted={(started) => onStarted(started.id)}
        />
      )}
    </>
  );
}

/** What can be done with one row: only what fits its state. */
function useTaskMenu(acts: TaskActs): (task: TaskSummary) => readonly RowAction[] {
  const openPath = useOpenPath();
  const may = useMay("operator");
  return useMemo(() => {
    const disabled = may ? null : texts.needsRole("operator");
    return (task) => {
      const ended = fits("rerun", task.state);
      const actions: readonly (RowAction & { readonly fits: boolean })[] = [
        { label: "Open", icon: "eye", run: () => openPath(paths.task(task.id)), fits: true },
        { label: "Log", icon: "tasks", run: () => openPath(paths.task(task.id, { tab: "logs" })), fits: true },
        { label: "Re-run", icon: "rerun", disabled, run: () => acts.rerun(task), fits: ended },
        {
          label: "Re-run with changes",
          icon: "edit",
          disabled,
          run: () => openPath(paths.send({ from: task.id })),
          fits: ended,
        },
        { label: "Retry", icon: "refresh", disabled, run: () => acts.retry(task), fits: fits("retry", task.state) },
        {
          label: "Ask to stop",
          icon: "pause",
          disabled,
          run: () => acts.stop(task),
          fits: fits("terminate", task.state),
        },
        {
          label: "Terminate…",
          icon: "stop",
          danger: true,
          disabled,
          run: () => acts.terminate(task),
          fits: fits("terminate", task.state),
        },
        {
          label: "Revoke…",
          icon: "stop",
          danger: true,
          disabled,
          run: () => acts.revoke(task),
          fits: fits("revoke", task.state),
        },
        {
          label: "Forget the record…",
          icon: "trash",
          danger: true,
          disabled,
          run: () => acts.forget(task),
          fits: fits("forget", task.state),
        },
      ];
      return actions.filter((action) => action.fits);
    };
  }, [acts, may, openPath]);
}
