import { Button, NativeSelect } from "@mantine/core";
import { useMemo } from "react";
import { totalsOf } from "../../api/worker-totals.js";
import type { WorkerList, WorkerSummary } from "../../api/workers.js";
import { useApi } from "../api/use-api.js";
import { useOpenPath } from "../components/app-link.js";
import { DataTable, type RowAction } from "../components/data-table.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { useSelection } from "../components/use-selection.js";
import { useSteadyRows } from "../components/use-steady-rows.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { useWorkerOrders, type WorkerOrders } from "./workers/use-worker-orders.js";
import { WorkerBulk } from "./workers/worker-bulk.js";
import { WORKER_COLUMNS } from "./workers/worker-columns.js";
import {
  matchingWorkers,
  mergeWorkers,
  showsOffline,
  sortWorkers,
  WORKER_FILTER_KEYS,
  type WorkerFilter,
} from "./workers/worker-list.js";
import { searchOfWorkers, TotalStrip, totalCells } from "./workers/worker-totals.js";
import "./tasks/tasks.css";
import "./workers/workers.css";

const LIVE = { topics: ["workers"], merge: mergeWorkers };
const CHIPS = { q: "Search", status: "Status", kind: "Kind", queue: "Queue" } as const;

/** Who runs, with what, and is it alive; what all of them can be told. */
export function WorkersPage() {
  const { values, set } = useFilters(WORKER_FILTER_KEYS);
  const [{ sort = "name" }, change] = useUrlState(["sort"]);
  // All of them: how many are hidden must be known, and there are never so many that it would matter.
  const answer = useApi<WorkerList>("workers", { offline: true }, { live: LIVE, refetchEvery: 15 });
  const orders = useWorkerOrders();
  const menu = useWorkerMenu(orders);
  const all = answer.data?.items;
  const found = useMemo(() => all && splitOffline(all, values), [all, values]);
  const scope = JSON.stringify([values, sort]);
  const steady = useSteadyRows(found && sortWorkers(found.shown, sort), keyOf, scope);
  const selection = useSelection(JSON.stringify(values));
  const narrowed = Object.keys(CHIPS).some((key) => key in values);
  const totals = totalsOf(found?.shown ?? []);
  const of = narrowed ? searchOfWorkers((found?.shown ?? []).filter(isOnline).map(keyOf)) : undefined;
  const clear = () => set({ q: undefined, status: undefined, kind: undefined, queue: undefined });
  return (
    <Page title={texts.nav.workers} lead={all && `${all.filter(isOnline).length} online of ${all.length} known`}>
      <FilterBar chips={chipsOf(values, set)} onClear={clear} views={{ page: "workers", keys: WORKER_FILTER_KEYS }}>
        <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search workers" />
        <WorkerSelects values={values} set={set} all={all ?? []} />
      </FilterBar>
      {orders.replies}
      {found && <TotalStrip totals={totals} of={of} />}
      <div className="lv-wide">
        <DataTable
          name="workers"
          label="Workers"
          {...steady}
          columns={WORKER_COLUMNS}
          rowKey={keyOf}
          rowLink={(worker) => paths.worker(worker.name)}
          rowMenu={menu}
          rowFaded={(worker) => !isOnline(worker)}
          sort={sort}
          onSort={(next) => change({ sort: next === "name" ? undefined : next })}
          selection={selection}
          bulk={() => (
            <WorkerBulk
              selected={(found?.shown ?? []).filter(({ name }) => selection.keys.has(name))}
              orders={orders}
            />
          )}
          exports={steady.rows && { rows: steady.rows }}
          totals={totalCells({ totals, of })}
          toolbar={found && <OfflineSwitch values={values} set={set} hidden={found.hidden} offline={found.offline} />}
          error={answer.error}
          onRetry={() => void answer.refetch()}
          onClearFilters={narrowed ? clear : undefined}
          emptyState={<NoWorkers hidden={found?.hidden ?? 0} onShow={() => set({ offline: "1" })} />}
        />
      </div>
      {orders.dialog}
    </Page>
  );
}

const keyOf = ({ name }: WorkerSummary): string => name;
const isOnline = ({ status }: WorkerSummary): boolean => status === "online";

/** Those to be shown, and how many offline ones match, shown or hidden. */
function splitOffline(all: readonly WorkerSummary[], filter: WorkerFilter) {
  const matching = matchingWorkers(all, filter);
  const present = matching.filter(({ status }) => status !== "offline");
  const offline = matching.length - present.length;
  return showsOffline(filter) ? { shown: matching, hidden: 0, offline } : { shown: present, hidden: offline, offline };
}

type SetFilter = ReturnType<typeof useFilters<(typeof WORKER_FILTER_KEYS)[number]>>["set"];

function chipsOf(values: WorkerFilter, set: SetFilter): FilterChip[] {
  return (["q", "status", "kind", "queue"] as const).flatMap((key) =>
    values[key] === undefined
      ? []
      : [{ key, label: CHIPS[key], value: values[key], remove: () => set({ [key]: undefined }) }],
  );
}

interface SelectsProps {
  readonly values: WorkerFilter;
  readonly set: SetFilter;
  readonly all: readonly WorkerSummary[];
}

function WorkerSelects({ values, set, all }: SelectsProps) {
  const queues = [...new Set([...all.flatMap((worker) => worker.queues), ...(values.queue ? [values.queue] : [])])];
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label="Status"
        value={values.status ?? ""}
        data={[{ value: "", label: "Any status" }, "online", "silent", "offline"]}
        onChange={(event) => set({ status: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        size="xs"
        aria-label="Kind"
        value={values.kind ?? ""}
        data={[{ value: "", label: "Any kind" }, "lovage", "celery"]}
        onChange={(event) => set({ kind: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        size="xs"
        aria-label="Queue"
        className="lv-narrow-select"
        value={values.queue ?? ""}
        data={[{ value: "", label: "Any queue" }, ...queues.sort()]}
        onChange={(event) => set({ queue: event.currentTarget.value || undefined })}
      />
    </>
  );
}

interface OfflineSwitchProps {
  readonly values: WorkerFilter;
  readonly set: SetFilter;
  readonly hidden: number;
  readonly offline: number;
}

function OfflineSwitch({ values, set, hidden, offline }: OfflineSwitchProps) {
  // Asked for by status, they are what is wanted: nothing to hide.
  if (offline === 0 || values.status !== undefined) return null;
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      aria-pressed={hidden === 0}
      onClick={() => set({ offline: hidden === 0 ? undefined : "1" })}
    >
      {hidden > 0 ? `Show offline (${hidden})` : `Hide offline (${offline})`}
    </Button>
  );
}

function NoWorkers({ hidden, onShow }: { readonly hidden: number; readonly onShow: () => void }) {
  return (
    <Empty
      title={hidden > 0 ? "No worker is online" : "No worker has reported yet"}
      icon="workers"
      code="npx lovage worker --app ./tasks.ts"
      action={
        hidden > 0 && (
          <Button variant="default" size="xs" onClick={onShow}>
            {hidden} offline hidden: show
          </Button>
        )
      }
    >
      Workers of Lovage and of Celery appear by themselves, as soon as they are connected to the same broker.
    </Empty>
  );
}

/** What can be done with one worker. */
function useWorkerMenu(orders: WorkerOrders): (worker: WorkerSummary) => readonly RowAction[] {
  const openPath = useOpenPath();
  const may = useMay("operator");
  return (worker) => {
    const names = [worker.name];
    const role = may ? null : texts.needsRole("operator");
    const links: RowAction[] = [
      { label: "Open", icon: "eye", run: () => openPath(paths.worker(worker.name)) },
      { label: "Its tasks", icon: "tasks", run: () => openPath(paths.tasks({ worker: worker.name })) },
    ];
    if (worker.status === "offline") {
      return [
        ...links,
        { label: "Forget…", icon: "trash", danger: true, disabled: role, run: () => orders.forget(names) },
      ];
    }
    return [
      ...links,
      { label: "Ping", icon: "send", disabled: role, run: () => orders.ping(names) },
      { label: "Refresh", icon: "refresh", disabled: role, run: () => orders.refresh(names) },
      worker.events === true
        ? { label: "Disable events", icon: "pause", disabled: role, run: () => orders.events(names, false, names) }
        : { label: "Enable events", icon: "play", disabled: role, run: () => orders.events(names, true, names) },
      { label: "Add consumer…", icon: "plus", disabled: role, run: () => orders.addConsumer(names) },
      { label: "Cancel consumer…", icon: "minus", disabled: role, run: () => orders.cancelConsumer(names) },
      { label: "Restart pool…", icon: "rerun", disabled: role, run: () => orders.restart(names) },
      { label: "Shut down…", icon: "stop", danger: true, disabled: role, run: () => orders.shutDown(names) },
    ];
  };
}
