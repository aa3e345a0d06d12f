import { Button, Switch } from "@mantine/core";
import { useState } from "react";
import type { QueueList, QueueSummary } from "../../api/queues.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { DataTable, type RowAction } from "../components/data-table.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { Time } from "../components/time.js";
import { useSelection } from "../components/use-selection.js";
import { useSteadyRows } from "../components/use-steady-rows.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { CreateQueueDialog } from "./queues/create-queue.js";
import { QUEUE_COLUMNS } from "./queues/queue-columns.js";
import {
  matchingQueues,
  mergeQueues,
  QUEUE_FILTER_KEYS,
  type QueueFilter,
  sortQueues,
  staleReason,
} from "./queues/queue-list.js";
import { type QueueActs, useQueueActs } from "./queues/use-queue-acts.js";
import { Callout } from "./tasks/callout.js";
import "./tasks/tasks.css";
import "./queues/queues.css";

const LIVE = { topics: ["queues"], merge: mergeQueues };

/** What waits, why, and who takes it: all of the broker's queues. */
export function QueuesPage() {
  const { values, set, clear } = useFilters(QUEUE_FILTER_KEYS);
  const [{ sort = "name" }, change] = useUrlState(["sort"]);
  const [creating, setCreating] = useState(false);
  const internal = values.internal === "1";
  const answer = useApi<QueueList>("queues", internal ? { internal: true } : {}, { live: LIVE, refetchEvery: 15 });
  const acts = useQueueActs();
  const menu = useQueueMenu(acts);
  const found = answer.data && matchingQueues(answer.data.items, values);
  const steady = useSteadyRows(found && sortQueues(found, sort), keyOf, JSON.stringify([values, sort]));
  const selection = useSelection(JSON.stringify(values));
  const narrowed = values.q !== undefined || values.backlog === "1" || values.unconsumed === "1";
  return (
    <Page
      title={texts.nav.queues}
      actions={
        <NeedsRole role="admin">
          <Button variant="default" leftSection={<Icon name="plus" size={14} />} onClick={() => setCreating(true)}>
            Create queue…
          </Button>
        </NeedsRole>
      }
    >
      <FilterBar chips={chipsOf(values, set)} onClear={clear} views={{ page: "queues", keys: QUEUE_FILTER_KEYS }}>
        <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search queues" />
        <FilterToggle label="Has backlog" on={values.backlog === "1"} set={(backlog) => set({ backlog })} />
        <FilterToggle label="No consumer" on={values.unconsumed === "1"} set={(unconsumed) => set({ unconsumed })} />
      </FilterBar>
      <StaleNote queues={answer.data?.items ?? []} />
      {acts.replies}
      <div className="lv-wide">
        <DataTable
          name="queues"
          label="Queues"
          {...steady}
          columns={QUEUE_COLUMNS}
          rowKey={keyOf}
          rowLink={(queue) => paths.queue(queue.name)}
          rowMenu={menu}
          rowFaded={(queue) => staleReason(queue) !== undefined}
          sort={sort}
          onSort={(next) => change({ sort: next === "name" ? undefined : next })}
          selection={selection}
          exports={steady.rows && { rows: steady.rows }}
          bulk={() => <QueueBulk selected={(found ?? []).filter(({ name }) => selection.keys.has(name))} acts={acts} />}
          toolbar={
            <Switch
              size="xs"
              label="Internal queues"
              checked={internal}
              onChange={(event) => set({ internal: event.currentTarget.checked ? "1" : undefined })}
            />
          }
          error={answer.error}
          onRetry={() => void answer.refetch()}
          onClearFilters={narrowed ? clear : undefined}
          emptyState={
            <Empty title="No queues yet" icon="queues" code="npx lovage worker --app ./tasks.ts -Q default">
              They appear when a worker or sender declares them.
            </Empty>
          }
        />
      </div>
      {creating && <CreateQueueDialog onClose={() => setCreating(false)} />}
      {acts.dialog}
    </Page>
  );
}

const keyOf = ({ name }: QueueSummary): string => name;

type SetFilter = ReturnType<typeof useFilters<(typeof QUEUE_FILTER_KEYS)[number]>>["set"];

function chipsOf(values: QueueFilter, set: SetFilter): FilterChip[] {
  return [
    ...(values.q === undefined
      ? []
      : [{ key: "q", label: "Search", value: values.q, remove: () => set({ q: undefined }) }]),
    ...(values.backlog === "1"
      ? [{ key: "backlog", label: "Only with", value: "backlog", remove: () => set({ backlog: undefined }) }]
      : []),
    ...(values.unconsumed === "1"
      ? [{ key: "unconsumed", label: "Only with", value: "no consumer", remove: () => set({ unconsumed: undefined }) }]
      : []),
  ];
}

interface FilterToggleProps {
  readonly label: string;
  readonly on: boolean;
  readonly set: (value: "1" | undefined) => void;
}

function FilterToggle({ label, on, set }: FilterToggleProps) {
  return (
    <Button size="xs" variant={on ? "light" : "default"} aria-pressed={on} onClick={() => set(on ? undefined : "1")}>
      {label}
    </Button>
  );
}

/** Said once, above all rows: what every figure below has in common. */
function StaleNote({ queues }: { readonly queues: readonly QueueSummary[] }) {
  const stale = queues.find((queue) => staleReason(queue) !== undefined);
  if (!stale) return null;
  return (
    <Callout title="The broker does not answer" alert>
      <p>
        Figures are from <Time at={stale.sampledAt} />: {staleReason(stale)}.{" "}
        <AppLink to={paths.system()}>System</AppLink>
      </p>
    </Callout>
  );
}

/** Only what fits the states of those selected. */
function QueueBulk({ selected, acts }: { readonly selected: readonly QueueSummary[]; readonly acts: QueueActs }) {
  const paused = selected.filter(({ state }) => state === "paused").map(keyOf);
  const others = selected.filter(({ state }) => state !== "paused").map(keyOf);
  return (
    <>
      {others.length > 0 && (
        <NeedsRole role="operator">
          <Button size="compact-sm" variant="default" disabled={acts.pending} onClick={() => acts.pause(others)}>
            {`Pause ${others.length}`}
          </Button>
        </NeedsRole>
      )}
      {paused.length > 0 && (
        <NeedsRole role="operator">
          <Button size="compact-sm" variant="default" disabled={acts.pending} onClick={() => acts.resume(paused)}>
            {`Resume ${paused.length}`}
          </Button>
        </NeedsRole>
      )}
    </>
  );
}

/** What can be done with one queue. */
function useQueueMenu(acts: QueueActs): (queue: QueueSummary) => readonly RowAction[] {
  const openPath = useOpenPath();
  const operator = useMay("operator") ? null : texts.needsRole("operator");
  const admin = useMay("admin") ? null : texts.needsRole("admin");
  return (queue) => [
    { label: "Open", icon: "eye", run: () => openPath(paths.queue(queue.name)) },
    { label: "Its tasks", icon: "tasks", run: () => openPath(paths.tasks({ queue: queue.name })) },
    queue.state === "paused"
      ? { label: "Resume", icon: "play", disabled: operator, run: () => acts.resume([queue.name]) }
      : { label: "Pause", icon: "pause", disabled: operator, run: () => acts.pause([queue.name]) },
    { label: "Purge…", icon: "trash", danger: true, disabled: admin, run: () => acts.purge(queue) },
    { label: "Delete…", icon: "close", danger: true, disabled: admin, run: () => acts.remove(queue) },
  ];
}
