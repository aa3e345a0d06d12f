import type { TaskDetail } from "../../api/tasks.js";
import { apiPath } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { CopyButton } from "../components/copy-button.js";
import { Page } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { StateBadge } from "../components/state-badge.js";
import { TabsInUrl } from "../components/tabs-in-url.js";
import { paths } from "../paths.js";
import { texts } from "../texts.js";
import { TaskActionBar } from "./tasks/task-action-bar.js";
import { TaskCanvas } from "./tasks/task-canvas.js";
import { TaskLog } from "./tasks/task-log.js";
import { TaskOverview } from "./tasks/task-overview.js";
import { TaskRawView } from "./tasks/task-raw.js";
import { TaskTimeline } from "./tasks/task-timeline.js";
import "./tasks/tasks.css";

/** One task: what it was called with, what happened to it, and what can be done with it. */
export function TaskPage({ id }: { readonly id: string }) {
  const path = apiPath`tasks/${id}`;
  const answer = useApi<TaskDetail>(path, {}, { live: { topics: [`task:${id}`], merge: mergeTask(id) } });
  if (answer.error?.status === 404 && answer.data === undefined) {
    return <UnknownTask id={id} />;
  }
  const task = answer.data;
  return (
    <Page
      title={task?.name ?? "Task"}
      eyebrow={<AppLink to={paths.tasks()}>{texts.nav.tasks}</AppLink>}
      beside={task && <StateBadge state={task.state} />}
      lead={
        <span className="lv-with-copy">
          <span className="lv-mono lv-wrap-anywhere">{id}</span> <CopyButton text={id} label="Copy the id" />
        </span>
      }
      actions={task && <TaskActionBar task={task} />}
    >
      <Loaded answer={answer} lines={12}>
        {(known) => (
          <TabsInUrl
            label="Task"
            tabs={[
              { key: "overview", title: "Overview", content: () => <TaskOverview task={known} /> },
              { key: "timeline", title: "Timeline", content: () => <TaskTimeline task={known} /> },
              { key: "logs", title: "Logs", content: () => <TaskLog task={known} /> },
              { key: "canvas", title: "Canvas", content: () => <TaskCanvas task={known} /> },
              { key: "raw", title: "Raw", content: () => <TaskRawView task={known} /> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}

/** Works what the stream tells into what is shown; a change of state brings more than the stream says, so it is asked again. */
function mergeTask(id: string) {
  return (task: TaskDetail, events: readonly LiveEvent[]): TaskDetail | "refetch" => {
    let merged = task;
    for (const event of events) {
      if (event.event === "progress" && event.data.taskId === id) {
        merged = { ...merged, progress: event.data.progress };
      } else if (event.event === "task" && event.data.id === id && event.data.version > merged.version) {
        if (event.data.state !== merged.state || event.data.retries !== merged.retries) {
          return "refetch";
        }
        merged = { ...merged, ...event.data };
      }
    }
    return merged;
  };
}

/** Nobody knows the task: not an error, records are kept for a time only. */
function UnknownTask({ id }: { readonly id: string }) {
  return (
    <Page title="Task" eyebrow={<AppLink to={paths.tasks()}>{texts.nav.tasks}</AppLink>} lead={id}>
      <Empty
        title="No record; it may have expired"
        icon="clock"
        action={<AppLink to={paths.tasks()}>All tasks</AppLink>}
      >
        Neither the console nor the result backend knows a task <bdi className="lv-mono lv-wrap-anywhere">{id}</bdi>.
        Records are kept for the time that is set in <AppLink to={paths.system()}>System</AppLink>.
      </Empty>
    </Page>
  );
}
