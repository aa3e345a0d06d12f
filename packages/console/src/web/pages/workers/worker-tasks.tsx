import type { WorkerDetail, WorkerTask } from "../../../api/workers.js";
import { AppLink, useOpenPath } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import { type Column, DataTable, type RowAction } from "../../components/data-table.js";
import { Panel } from "../../components/page.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { useMay, useMe } from "../../state/app-context.js";
import { texts } from "../../texts.js";
import { OneLine } from "../tasks/task-columns.js";
import { useTaskActs } from "../tasks/use-task-acts.js";
import type { OneWorkerOrders } from "./use-orders.js";

/** Ids of revoked tasks that are listed: a worker remembers up to 50,000. */
const REVOKED_SHOWN = 200;

/** What it runs, holds, waits with and would drop. */
export function WorkerTasks({ worker, orders }: { readonly worker: WorkerDetail; readonly orders: OneWorkerOrders }) {
  const openPath = useOpenPath();
  const acts = useTaskActs();
  const may = useMay("operator");
  const { seesPayloads } = useMe();
  const offline = worker.status === "offline";
  const role = may ? null : texts.needsRole("operator");
  const open = (task: WorkerTask): RowAction => ({
    label: "Open",
    icon: "eye",
    run: () => openPath(paths.task(task.id)),
  });
  const acted = (task: WorkerTask) => ({ id: task.id, name: task.name, worker: worker.name });
  const running = (task: WorkerTask): RowAction[] =>
    offline
      ? [open(task)]
      : [
          open(task),
          { label: "Ask to stop", icon: "pause", disabled: orders.reason("stop"), run: () => acts.stop(acted(task)) },
          {
            label: "Terminate…",
            icon: "stop",
            danger: true,
            disabled: orders.reason("terminate"),
            run: () => acts.terminate(acted(task)),
          },
        ];
  const waiting = (task: WorkerTask): RowAction[] =>
    offline
      ? [open(task)]
      : [
          open(task),
          { label: "Revoke…", icon: "stop", danger: true, disabled: role, run: () => acts.revoke(acted(task)) },
        ];
  const columns = seesPayloads ? COLUMNS : COLUMNS.filter(({ key }) => key !== "args" && key !== "kwargs");
  const shared = {
    faded: worker.status !== "online",
    columns: (hidden: string) => columns.filter(({ key }) => !hidden.split(" ").includes(key)),
  };
  return (
    <div className="lv-stack">
      <TaskPanel
        title="Active"
        none="It runs nothing."
        tasks={worker.activeTasks}
        menu={running}
        columns={shared.columns("eta")}
        faded={shared.faded}
        keyboard
      />
      <TaskPanel
        title="Reserved"
        none="It holds no task that it has not begun."
        tasks={worker.reservedTasks}
        count={worker.reserved ?? worker.reservedTasks.length}
        menu={waiting}
        columns={shared.columns("started eta pid")}
        faded={shared.faded}
      />
      <TaskPanel
        title="Scheduled"
        none="It holds no task until its ETA."
        tasks={worker.scheduledTasks}
        menu={waiting}
        columns={shared.columns("started pid")}
        faded={shared.faded}
      />
      <Panel title={`Revoked (${worker.revokedIds.length})`}>
        {worker.revokedIds.length === 0 ? (
          <p className="lv-muted">It remembers no revoked task.</p>
        ) : (
          <ul className="lv-id-list">
            {worker.revokedIds.slice(0, REVOKED_SHOWN).map((id) => (
              <li key={id}>
                <AppLink to={paths.task(id)} className="lv-mono lv-wrap-anywhere">
                  {id}
                </AppLink>
              </li>
            ))}
            {worker.revokedIds.length > REVOKED_SHOWN && (
              <li className="lv-muted">and {worker.revokedIds.length - REVOKED_SHOWN} more</li>
            )}
          </ul>
        )}
      </Panel>
      {acts.dialog}
    </div>
  );
}

interface TaskPanelProps {
  readonly title: "Active" | "Reserved" | "Scheduled";
  readonly none: string;
  readonly tasks: readonly WorkerTask[];
  /** How many it has, of which `tasks` may be a part. @default as many as `tasks` */
  readonly count?: number;
  readonly columns: readonly Column<WorkerTask>[];
  readonly menu: (task: WorkerTask) => readonly RowAction[];
  readonly faded: boolean;
  readonly keyboard?: boolean;
}

function TaskPanel(props: TaskPanelProps) {
  const { title, none, tasks, count = tasks.length, columns, menu, faded, keyboard = false } = props;
  return (
    <DataTable
      name={`worker-${title.toLowerCase()}`}
      label={`${title} tasks`}
      columns={columns}
      rows={tasks}
      rowKey={(task) => task.id}
      rowLink={(task) => paths.task(task.id)}
      rowMenu={menu}
      rowFaded={() => faded}
      keyboard={keyboard}
      toolbar={
        <h2>
          {title} <span className="lv-count">{count > tasks.length ? `first ${tasks.length} of ${count}` : count}</span>
        </h2>
      }
      emptyState={<p className="lv-quiet-line lv-muted">{none}</p>}
    />
  );
}

const COLUMNS: readonly Column<WorkerTask>[] = [
  {
    key: "name",
    title: "Task",
    fixed: true,
    card: "title",
    cell: (task) => (
      <AppLink to={paths.task(task.id)} className="lv-cut lv-task-name" title={task.name}>
        <bdi>{task.name === "" ? task.id : task.name}</bdi>
      </AppLink>
    ),
  },
  {
    key: "id",
    title: "Id",
    card: "field",
    cell: (task) => (
      <span className="lv-with-copy">
        <span className="lv-mono" title={task.id}>
          {task.id.slice(0, 8)}
        </span>
        <CopyButton text={task.id} label="Copy the id" />
      </span>
    ),
  },
  { key: "args", title: "Args", card: "field", cell: (task) => <OneLine text={task.args} mono short /> },
  { key: "kwargs", title: "Kwargs", cell: (task) => <OneLine text={task.kwargs} mono short /> },
  { key: "started", title: "Started", card: "field", cell: (task) => <Time at={task.started} focusable={false} /> },
  { key: "eta", title: "ETA", card: "field", cell: (task) => <Time at={task.eta} focusable={false} /> },
  {
    key: "pid",
    title: "pid",
    align: "right",
    card: "field",
    cell: (task) =>
      task.pid === null ? <span className="lv-none">–</span> : <span className="lv-number">{task.pid}</span>,
  },
];
