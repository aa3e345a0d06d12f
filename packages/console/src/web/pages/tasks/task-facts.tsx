import type { ReactNode } from "react";
import type { TaskDetail } from "../../../api/tasks.js";
import { AppLink } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import { durationText } from "../../components/duration.js";
import { sizeText } from "../../components/json-text.js";
import { Facts } from "../../components/page.js";
import { quoted } from "../../components/search-completion.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { shortId } from "./short-id.js";

/** All that is known of a task but its values; what is not known is left out, so that what is can be found. */
export function TaskFacts({ task }: { readonly task: TaskDetail }) {
  return (
    <Facts
      facts={[
        { name: "Name", value: task.name === null ? undefined : <TaskTypeLink name={task.name} /> },
        { name: "Id", value: <WithCopy text={task.id} label="Copy the id" /> },
        {
          name: "Queue",
          value: task.queue === null ? undefined : <AppLink to={paths.queue(task.queue)}>{task.queue}</AppLink>,
        },
        { name: "Exchange", value: blank(task.exchange) },
        { name: "Routing key", value: blank(task.routingKey) },
        { name: "Priority", value: task.priority ?? undefined },
        { name: "Worker", value: task.worker === null ? undefined : <WorkerOf task={task} /> },
        { name: "Client", value: blank(task.client) },
        { name: "Sent", value: time(task.sent) },
        { name: "ETA", value: time(task.eta) },
        { name: "Expires", value: time(task.expires) },
        { name: "Time limits", value: limitsOf(task) },
        { name: "Retries", value: `${task.retries}${task.maxRetries === null ? "" : ` of ${task.maxRetries}`}` },
        { name: "Deliveries", value: task.deliveries !== null && task.deliveries > 1 ? task.deliveries : undefined },
        { name: "Root", value: related(task.rootId, task.id) },
        { name: "Parent", value: related(task.parentId, task.id) },
        { name: "Sent by it", value: list(task.children) },
        {
          name: "Group",
          value: task.groupId === null ? undefined : <GroupOf id={task.groupId} />,
        },
        { name: "Schedule", value: blank(task.schedule) },
        { name: "Job run", value: task.job === null ? undefined : <RunOf job={task.job} runId={task.runId} /> },
        { name: "Re-run of", value: related(task.rerunOf, task.id) },
        { name: "Re-run as", value: list(task.rerunAs) },
        { name: "Size", value: task.sizeBytes === null ? undefined : sizeText(task.sizeBytes) },
        { name: "Content type", value: blank(task.contentType) },
        {
          name: "Stamps",
          value: Object.keys(task.stamps).length === 0 ? undefined : <code>{JSON.stringify(task.stamps)}</code>,
        },
      ]}
    />
  );
}

/** A task's name, which leads to its type. */
export function TaskTypeLink({ name }: { readonly name: string }) {
  return (
    <AppLink to={paths.taskType(name)} className="lv-wrap-anywhere">
      <bdi>{name}</bdi>
    </AppLink>
  );
}

function WorkerOf({ task }: { readonly task: TaskDetail }) {
  return (
    <>
      <AppLink to={paths.worker(task.worker ?? "")} className="lv-wrap-anywhere lv-underlined">
        {task.worker}
      </AppLink>
      {task.slot !== null && <span className="lv-muted"> {task.slot}</span>}
    </>
  );
}

function RunOf({ job, runId }: { readonly job: string; readonly runId: string | null }) {
  return <AppLink to={runId === null ? paths.job(job) : paths.run(job, runId)}>{job}</AppLink>;
}

/** Its id leads to all its tasks. */
function GroupOf({ id }: { readonly id: string }) {
  return (
    <span className="lv-with-copy">
      <AppLink to={paths.tasks({ q: `group:${quoted(id)}` })} className="lv-mono lv-wrap-anywhere">
        {id}
      </AppLink>{" "}
      <CopyButton text={id} label="Copy the group's id" />
    </span>
  );
}

function WithCopy({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <span className="lv-with-copy">
      <span className="lv-mono lv-wrap-anywhere">{text}</span> <CopyButton text={text} label={label} />
    </span>
  );
}

function related(id: string | null, own: string): ReactNode {
  if (id === null) {
    return undefined;
  }
  return id === own ? "itself" : <TaskLink id={id} />;
}

/** A task's short id, which leads to its page. */
export function TaskLink({ id }: { readonly id: string }) {
  return (
    <AppLink to={paths.task(id)} className="lv-mono" title={id}>
      {shortId(id)}
    </AppLink>
  );
}

const LISTED = 10;
function list(ids: readonly string[]): ReactNode {
  if (ids.length === 0) {
    return undefined;
  }
  return (
    <span className="lv-inline-list">
      {ids.slice(0, LISTED).map((id) => (
        <TaskLink key={id} id={id} />
      ))}
      {ids.length > LISTED && <span className="lv-muted">and {ids.length - LISTED} more</span>}
    </span>
  );
}

function limitsOf(task: TaskDetail): ReactNode {
  const parts = [
    task.softTimeLimit === null ? [] : [`soft ${durationText(task.softTimeLimit)}`],
    task.timeLimit === null ? [] : [`hard ${durationText(task.timeLimit)}`],
  ].flat();
  return parts.length === 0 ? undefined : parts.join(", ");
}

function time(at: string | null): ReactNode {
  return at === null ? undefined : <Time at={at} show="both" />;
}

/** "" is a name too (the default exchange), but nothing to show. */
function blank(text: string | null): ReactNode {
  return text === null || text === "" ? undefined : <bdi className="lv-wrap-anywhere">{text}</bdi>;
}
