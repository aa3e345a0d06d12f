import type { TaskSummary } from "../../../api/tasks.js";
import { AppLink } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import type { Column } from "../../components/data-table.js";
import { Duration } from "../../components/duration.js";
import { Name } from "../../components/name-text.js";
import { StateBadge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { useNow } from "../../state/app-context.js";
import { isRunning } from "./fitting-actions.js";
import { progressText } from "./progress-bar.js";
import { shortId } from "./short-id.js";
import { TaskLink } from "./task-facts.js";

/** A text of a stranger's on one line: cut by the cell, whole on hover, its direction kept to itself. */
export function OneLine({
  text,
  mono = false,
  short = false,
}: {
  readonly text: string | null;
  readonly mono?: boolean;
  readonly short?: boolean;
}) {
  if (text === null || text === "") {
    return <span className="lv-none">–</span>;
  }
  return (
    <bdi className={`lv-cut ${mono ? "lv-mono" : ""} ${short ? "lv-cut-short" : ""}`} title={text}>
      {text}
    </bdi>
  );
}

/** Name of a task, as a link to it: what a row is. */
export function TaskName({ task }: { readonly task: TaskSummary }) {
  return (
    <AppLink to={paths.task(task.id)} className="lv-cut lv-task-name" title={task.name ?? task.id}>
      {task.name === null ? <span className="lv-muted">not known yet</span> : <Name>{task.name}</Name>}
    </AppLink>
  );
}

/** How long it ran; while it runs, how far it is, or how long already. */
export function RuntimeOrProgress({ task }: { readonly task: TaskSummary }) {
  if (isRunning(task.state)) {
    return task.progress === null ? (
      <RunningFor since={task.started} />
    ) : (
      <span className="lv-number">{progressText(task.progress)}</span>
    );
  }
  return <Duration seconds={task.runtime} />;
}

function RunningFor({ since }: { readonly since: string | null }) {
  const now = useNow();
  return <Duration seconds={since === null ? null : Math.max(0, Math.floor((now - Date.parse(since)) / 1000))} />;
}

/** The columns of the list of tasks; those on request are `optional`. */
export const TASK_COLUMNS: readonly Column<TaskSummary>[] = [
  {
    key: "state",
    title: "State",
    sort: "state",
    firstSort: "ascending",
    card: "field",
    width: "7.5rem",
    cell: (task) => <StateBadge state={task.state} />,
  },
  {
    key: "name",
    title: "Name",
    sort: "name",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: (task) => <TaskName task={task} />,
  },
  {
    key: "id",
    title: "Id",
    width: "8.5rem",
    cell: (task) => (
      <span className="lv-with-copy" title={task.id}>
        <span className="lv-mono lv-no-wrap">{shortId(task.id)}</span>
        <CopyButton text={task.id} label={`Copy the id ${task.id}`} />
      </span>
    ),
  },
  { key: "args", title: "Args", cell: (task) => <OneLine text={task.args} mono short /> },
  { key: "worker", title: "Worker", card: "field", cell: (task) => <WorkerCell worker={task.worker} /> },
  { key: "queue", title: "Queue", cell: (task) => <OneLine text={task.queue} /> },
  {
    key: "received",
    title: "Received",
    sort: "received",
    card: "field",
    cell: (task) => <Time at={task.received ?? task.sent} focusable={false} />,
  },
  { key: "started", title: "Started", sort: "started", cell: (task) => <Time at={task.started} focusable={false} /> },
  {
    key: "runtime",
    title: "Runtime",
    sort: "runtime",
    align: "right",
    card: "field",
    hint: "Runtime, or progress while it runs",
    cell: (task) => <RuntimeOrProgress task={task} />,
  },
  {
    key: "retries",
    title: "Retries",
    sort: "retries",
    align: "right",
    cell: (task) => (task.retries === 0 ? <span className="lv-none">0</span> : task.retries),
  },
  { key: "result", title: "Result or error", cell: (task) => <OneLine text={task.error ?? task.result} mono /> },
  { key: "kwargs", title: "Kwargs", optional: true, cell: (task) => <OneLine text={task.kwargs} mono /> },
  {
    key: "sent",
    title: "Sent",
    sort: "sent",
    optional: true,
    cell: (task) => <Time at={task.sent} focusable={false} />,
  },
  {
    key: "wait",
    title: "Wait",
    optional: true,
    align: "right",
    hint: "From sent, or its ETA, to started",
    cell: (task) => <Duration seconds={task.wait} />,
  },
  { key: "eta", title: "ETA", optional: true, cell: (task) => <Time at={task.eta} focusable={false} /> },
  { key: "expires", title: "Expires", optional: true, cell: (task) => <Time at={task.expires} focusable={false} /> },
  {
    key: "priority",
    title: "Priority",
    optional: true,
    align: "right",
    cell: (task) => task.priority ?? <span className="lv-none">–</span>,
  },
  { key: "exchange", title: "Exchange", optional: true, cell: (task) => <OneLine text={task.exchange} /> },
  { key: "routingKey", title: "Routing key", optional: true, cell: (task) => <OneLine text={task.routingKey} /> },
  { key: "client", title: "Client", optional: true, cell: (task) => <OneLine text={task.client} /> },
  { key: "root", title: "Root", optional: true, cell: (task) => <IdCell id={task.rootId} /> },
  { key: "parent", title: "Parent", optional: true, cell: (task) => <IdCell id={task.parentId} /> },
  { key: "group", title: "Group", optional: true, cell: (task) => <OneLine text={task.groupId} mono /> },
  { key: "schedule", title: "Schedule", optional: true, cell: (task) => <OneLine text={task.schedule} /> },
  { key: "job", title: "Job", optional: true, cell: (task) => <JobCell task={task} /> },
  {
    key: "revoked",
    title: "Revoked",
    optional: true,
    cell: (task) => (task.revoked ? "yes" : <span className="lv-none">no</span>),
  },
  {
    key: "finished",
    title: "Finished",
    sort: "finished",
    optional: true,
    cell: (task) => <Time at={task.finished} focusable={false} />,
  },
];

function WorkerCell({ worker }: { readonly worker: string | null }) {
  return worker === null ? (
    <span className="lv-none">–</span>
  ) : (
    <AppLink to={paths.worker(worker)} className="lv-cut lv-cut-short" title={worker}>
      {worker}
    </AppLink>
  );
}

function IdCell({ id }: { readonly id: string | null }) {
  return id === null ? <span className="lv-none">–</span> : <TaskLink id={id} />;
}

function JobCell({ task }: { readonly task: TaskSummary }) {
  if (task.job === null) {
    return <span className="lv-none">–</span>;
  }
  return <AppLink to={task.runId === null ? paths.job(task.job) : paths.run(task.job, task.runId)}>{task.job}</AppLink>;
}

/** Names of workers on one line, the first two and how many more. */
export function WorkerNames({ names }: { readonly names: readonly string[] }) {
  const [first, second] = names;
  if (first === undefined) {
    return <span className="lv-none">–</span>;
  }
  const more = names.length - 2;
  return (
    <span className="lv-cut" title={names.join("\n")}>
      {second === undefined ? first : `${first}, ${second}`}
      {more > 0 && ` and ${more} more`}
    </span>
  );
}
