import type { Attempt, TaskDetail, TaskEvent } from "../../../api/tasks.js";
import { apiPath } from "../../api/client.js";
import { useApi } from "../../api/use-api.js";
import { Loaded } from "../../components/page-states.js";
import { TimelineView } from "./timeline-view.js";

/** The timeline of a task, asked for when its tab is opened and again with each change of the task. */
export function TaskTimeline({ task }: { readonly task: TaskDetail }) {
  const live = [`task:${task.id}`];
  const events = useApi<{ readonly items: readonly TaskEvent[] }>(apiPath`tasks/${task.id}/events`, {}, { live });
  const attempts = useApi<{ readonly items: readonly Attempt[] }>(apiPath`tasks/${task.id}/attempts`, {}, { live });
  return (
    <Loaded answer={events}>
      {(told) => (
        <Loaded answer={attempts}>
          {(tries) => (
            <div className="lv-stack">
              <TimelineView task={task} events={told.items} attempts={tries.items} />
            </div>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}
