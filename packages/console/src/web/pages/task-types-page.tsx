import type { TaskType } from "../../api/tasks.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { type Column, DataTable, type RowAction } from "../components/data-table.js";
import { Duration } from "../components/duration.js";
import { FilterBar, useFilters } from "../components/filter-bar.js";
import { Name } from "../components/name-text.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { Badge } from "../components/state-badge.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { useSteadyRows } from "../components/use-steady-rows.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { percentText } from "./tasks/percent-text.js";
import { failureShare, sortTypes } from "./tasks/sort-types.js";
import "./tasks/tasks.css";

/** Every task that is registered somewhere, or has run. */
export function TaskTypesPage() {
  const { values, set, clear, active } = useFilters(["q"]);
  const [{ sort = "name" }, change] = useUrlState(["sort"]);
  const answer = useApi<{ readonly items: readonly TaskType[] }>("task-types", {}, { refetchEvery: 15 });
  const sought = values.q?.toLowerCase();
  const rows = answer.data?.items.filter((type) => sought === undefined || type.name.toLowerCase().includes(sought));
  const steady = useSteadyRows(rows && sortTypes(rows, sort), ({ name }) => name, JSON.stringify([sought, sort]));
  const menu = useTypeMenu();
  return (
    <Page title={texts.nav.taskTypes} lead="Tasks by name: where they are registered, how often and how long they run.">
      <FilterBar
        onClear={clear}
        views={{ page: "task-types", keys: ["q"] }}
        chips={sought === undefined ? [] : [{ key: "q", label: "Search", value: values.q ?? "", remove: clear }]}
      >
        <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search task types" />
      </FilterBar>
      <DataTable
        name="task-types"
        label="Task types"
        columns={COLUMNS}
        {...steady}
        rowKey={(type) => type.name}
        rowLink={(type) => paths.taskType(type.name)}
        rowMenu={menu}
        sort={sort}
        onSort={(next) => change({ sort: next === "name" ? undefined : next })}
        error={answer.error}
        onRetry={() => void answer.refetch()}
        exports={rows && { rows }}
        onClearFilters={active ? clear : undefined}
        emptyState={
          <Empty
            title="No task types yet"
            icon="task-types"
            code={'export const add = app.task("shop.add", (x: number, y: number) => x + y);'}
          >
            They appear when a worker tells which tasks it has registered, or the app is given with <code>--app</code>.
          </Empty>
        }
      />
    </Page>
  );
}

function useTypeMenu() {
  const openPath = useOpenPath();
  const may = useMay("operator");
  return (type: TaskType): RowAction[] => [
    { label: "Open", icon: "eye", run: () => openPath(paths.taskType(type.name)) },
    { label: "Its tasks", icon: "tasks", run: () => openPath(paths.tasks({ name: type.name })) },
    {
      label: "Send…",
      icon: "send",
      disabled: may ? null : texts.needsRole("operator"),
      run: () => openPath(paths.send({ name: type.name })),
    },
  ];
}

const COLUMNS: readonly Column<TaskType>[] = [
  {
    key: "name",
    title: "Name",
    sort: "name",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: (type) => (
      <AppLink to={paths.taskType(type.name)} className="lv-cut lv-task-name" title={type.name}>
        <Name>{type.name}</Name>
      </AppLink>
    ),
  },
  {
    key: "registered",
    title: "Registered",
    sort: "registered",
    card: "field",
    cell: (type) => <Registered type={type} />,
  },
  {
    key: "queue",
    title: "Queue",
    cell: (type) =>
      type.queue === null ? (
        <span className="lv-none">–</span>
      ) : (
        <AppLink to={paths.queue(type.queue)}>{type.queue}</AppLink>
      ),
  },
  { key: "rateLimit", title: "Rate limit", cell: (type) => type.rateLimit ?? <span className="lv-none">–</span> },
  {
    key: "runs",
    title: "Runs",
    sort: "runs",
    align: "right",
    card: "field",
    cell: (type) => <span className="lv-number">{whole(type.runs)}</span>,
  },
  {
    key: "failures",
    title: "Failures",
    sort: "failures",
    align: "right",
    card: "field",
    cell: (type) => <span className="lv-number">{percentText(failureShare(type))}</span>,
  },
  {
    key: "runtimeP50",
    title: "Runtime p50",
    sort: "runtimeP50",
    align: "right",
    cell: (type) => <Duration seconds={type.runtimeP50} />,
  },
  {
    key: "runtimeP95",
    title: "p95",
    sort: "runtimeP95",
    align: "right",
    card: "field",
    cell: (type) => <Duration seconds={type.runtimeP95} />,
  },
  {
    key: "waitP95",
    title: "Wait p95",
    sort: "waitP95",
    align: "right",
    cell: (type) => <Duration seconds={type.waitP95} />,
  },
  { key: "lastRun", title: "Last run", sort: "lastRun", cell: (type) => <Time at={type.lastRun} focusable={false} /> },
];

/** How many workers have it, of which kind; a task nobody has is pointed out. */
export function Registered({ type }: { readonly type: TaskType }) {
  const count = (kind: "lovage" | "celery") => type.registeredOn.filter((each) => each.kind === kind).length;
  const parts = (["lovage", "celery"] as const).flatMap((kind) => (count(kind) > 0 ? [`${count(kind)} ${kind}`] : []));
  if (parts.length === 0) {
    return (
      <Badge
        tone="warning"
        title={type.inApp ? "The app has it, but no worker that is online" : "No worker that is online has it"}
      >
        nowhere
      </Badge>
    );
  }
  return <span title={type.registeredOn.map((each) => each.worker).join("\n")}>{parts.join(", ")}</span>;
}
