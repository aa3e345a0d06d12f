import type { RunSummary } from "../../api/jobs.js";
import type { LiveEventName, LiveEvents } from "../../api/live.js";
import type { TaskSummary } from "../../api/tasks.js";

/** An event with its data, so that looking at `event` tells the type of `data`. */
export type LiveEvent = { [E in LiveEventName]: { readonly event: E; readonly data: LiveEvents[E] } }[LiveEventName];

/**
 * What an event says to someone who may not see arguments, results and logs: the same object where it holds none, undefined where it is
 * nothing else. The lists of the API leave out the same members.
 */
export function hidePayloads(live: LiveEvent): unknown {
  switch (live.event) {
    case "task":
      return hideTaskPayloads(live.data);
    case "log":
      return undefined;
    case "progress":
      return { taskId: live.data.taskId, progress: { ...live.data.progress, message: null } };
    case "run":
      return hideRunPayloads(live.data);
    default:
      return live.data;
  }
}

/** A task's line without what it was given and what it made. Its error stays: why something fails is no payload. */
export function hideTaskPayloads(task: TaskSummary): TaskSummary {
  return {
    ...task,
    args: null,
    kwargs: null,
    result: null,
    progress: task.progress === null ? null : { ...task.progress, message: null },
  };
}

function hideRunPayloads(run: RunSummary): RunSummary {
  return { ...run, parameters: {}, progress: run.progress === null ? null : { ...run.progress, message: null } };
}
