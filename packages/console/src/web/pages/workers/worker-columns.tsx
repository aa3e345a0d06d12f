import type { ReactNode } from "react";
import type { WorkerSummary } from "../../../api/workers.js";
import { AppLink } from "../../components/app-link.js";
import type { Column } from "../../components/data-table.js";
import { Duration } from "../../components/duration.js";
import { sizeText } from "../../components/json-text.js";
import { Name } from "../../components/name-text.js";
import { short, whole } from "../../components/table-texts.js";
import { absoluteTime, Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { usePreferences } from "../../state/app-context.js";
import { kindText, WorkerStatus } from "./worker-status.js";

/** A figure of a worker: of one that is not online it says on hover when it was true. */
function WorkerFigure({ worker, children }: { readonly worker: WorkerSummary; readonly children: ReactNode }) {
  const [{ zone }] = usePreferences();
  const old = worker.status !== "online" && worker.figuresAt !== null;
  return (
    <span className="lv-number" title={old ? `as of ${absoluteTime(worker.figuresAt ?? "", zone)}` : undefined}>
      {children}
    </span>
  );
}

function Count({ worker, value }: { readonly worker: WorkerSummary; readonly value: number | null }) {
  if (value === null) return <span className="lv-none">–</span>;
  return (
    <WorkerFigure worker={worker}>
      {value < 1_000_000 ? whole(value) : <span title={whole(value)}>{short(value)}</span>}
    </WorkerFigure>
  );
}

/** How many of the slots work, as figures and as a bar. */
export function SlotsInUse({ busy, slots }: Pick<WorkerSummary, "busy" | "slots">) {
  if (slots === null && busy === null) return <span className="lv-none">–</span>;
  const share = slots === null || slots === 0 ? 0 : Math.min(1, (busy ?? 0) / slots);
  return (
    <span className="lv-slots-in-use">
      <span className="lv-number">
        {busy ?? "–"} / {slots ?? "–"}
      </span>
      <span className="lv-meter" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}

/** The first names as links; how many more there are, and all of them on hover. */
export function QueueNames({ names, most = 2 }: { readonly names: readonly string[]; readonly most?: number }) {
  if (names.length === 0) return <span className="lv-none">–</span>;
  return (
    <span className="lv-inline-list lv-queue-names" title={names.join("\n")}>
      {names.slice(0, most).map((name) => (
        <AppLink key={name} to={paths.queue(name)} className="lv-cut lv-cut-name">
          <bdi>{name}</bdi>
        </AppLink>
      ))}
      {names.length > most && <span className="lv-muted">+{names.length - most}</span>}
    </span>
  );
}

function Load({ worker }: { readonly worker: WorkerSummary }) {
  if (worker.loadAverage.length === 0) return <span className="lv-none">–</span>;
  return <WorkerFigure worker={worker}>{worker.loadAverage.map((load) => load.toFixed(2)).join("  ")}</WorkerFigure>;
}

function StatusCell({ worker }: { readonly worker: WorkerSummary }) {
  return (
    <span className="lv-worker-status">
      <WorkerStatus status={worker.status} />
      <span className="lv-muted">
        <Time at={worker.lastHeartbeat} focusable={false} />
      </span>
    </span>
  );
}

function NameCell({ worker }: { readonly worker: WorkerSummary }) {
  return (
    <span className="lv-worker-name">
      <AppLink to={paths.worker(worker.name)} className="lv-cut lv-task-name" title={worker.name}>
        <Name>{worker.name}</Name>
      </AppLink>
      {worker.status !== "online" && worker.figuresAt !== null && (
        <span className="lv-muted">
          figures of <Time at={worker.figuresAt} focusable={false} />
        </span>
      )}
      {worker.events === false && worker.status === "online" && (
        <span className="lv-worker-warning" title="Its tasks are not seen: switch its events on">
          events off
        </span>
      )}
    </span>
  );
}

function count(
  key: "active" | "reserved" | "processed" | "succeeded" | "failed" | "retried",
  title: string,
  more: Partial<Column<WorkerSummary>> = {},
): Column<WorkerSummary> {
  return {
    key,
    title,
    sort: key,
    align: "right",
    cell: (worker) => <Count worker={worker} value={worker[key]} />,
    ...more,
  };
}

/** The columns of the list of workers. */
export const WORKER_COLUMNS: readonly Column<WorkerSummary>[] = [
  {
    key: "name",
    title: "Worker",
    sort: "name",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: (worker) => <NameCell worker={worker} />,
  },
  {
    key: "status",
    title: "Status",
    sort: "status",
    firstSort: "ascending",
    card: "field",
    hint: "Whether it is there, and how old its last heartbeat is",
    cell: (worker) => <StatusCell worker={worker} />,
  },
  {
    key: "kind",
    title: "Kind",
    sort: "kind",
    firstSort: "ascending",
    cell: (worker) => <span className="lv-no-wrap">{kindText(worker)}</span>,
  },
  {
    key: "pool",
    title: "Pool",
    sort: "pool",
    firstSort: "ascending",
    cell: (worker) => worker.pool ?? <span className="lv-none">–</span>,
  },
  {
    key: "slots",
    title: "Slots",
    sort: "slots",
    card: "field",
    hint: "Busy / all",
    cell: (worker) => (
      <WorkerFigure worker={worker}>
        <SlotsInUse busy={worker.busy} slots={worker.slots} />
      </WorkerFigure>
    ),
  },
  count("active", "Active", { hint: "Tasks that it runs" }),
  count("reserved", "Reserved", { hint: "Tasks that it holds and has not begun", card: "field" }),
  count("processed", "Processed", { hint: "Since it started" }),
  count("succeeded", "Succeeded", { hint: "Of those that this console saw" }),
  count("failed", "Failed", { hint: "Of those that this console saw", card: "field" }),
  count("retried", "Retried", { hint: "Of those that this console saw" }),
  {
    key: "queues",
    title: "Queues",
    sort: "queues",
    cell: (worker) => <QueueNames names={worker.queues} />,
  },
  {
    key: "load",
    title: "Load",
    sort: "load",
    align: "right",
    hint: "Average load of its machine over 1, 5 and 15 minutes",
    cell: (worker) => <Load worker={worker} />,
  },
  {
    key: "memory",
    title: "Memory",
    sort: "memory",
    align: "right",
    cell: (worker) =>
      worker.memoryBytes === null ? (
        <span className="lv-none">–</span>
      ) : (
        <WorkerFigure worker={worker}>{sizeText(worker.memoryBytes)}</WorkerFigure>
      ),
  },
  {
    key: "uptime",
    title: "Uptime",
    sort: "uptime",
    align: "right",
    cell: (worker) => <Duration seconds={worker.uptime} />,
  },
];
