import type { TaskFilter } from "../../api/tasks.js";
import { phaseOf, WAITING_STATES } from "../actions/task-phases.js";
import type { TaskStore } from "../store/task-store.js";

/** Which tasks a stop-all means: those that wait, those that run, or both. */
export interface StopAllScope {
  readonly waiting: boolean;
  readonly running: boolean;
}

/**
 * The filter narrowed to tasks that wait, or run, or both; undefined when that leaves none. Running are STARTED and every state that tasks
 * gave themselves, of which the store knows the names.
 */
export async function narrowed(
  tasks: Pick<TaskStore, "stateCounts">,
  filter: TaskFilter,
  scope: StopAllScope,
): Promise<TaskFilter | undefined> {
  const seen = Object.keys(await tasks.stateCounts());
  const running = new Set(["STARTED", "PROGRESS", ...seen.filter((state) => phaseOf(state) === "running")]);
  const wanted = [...(scope.waiting ? WAITING_STATES : []), ...(scope.running ? running : [])];
  const asked = filter.state?.split(",").map((state) => state.trim());
  const states = asked ? wanted.filter((state) => asked.includes(state)) : wanted;
  return states.length === 0 ? undefined : { ...filter, state: states.join(",") };
}

/** How many tasks that match the filter wait, and how many run. */
export async function countStopAll(
  tasks: Pick<TaskStore, "stateCounts" | "countMatching">,
  filter: TaskFilter,
): Promise<{ readonly waiting: number; readonly running: number }> {
  const count = async (scope: StopAllScope): Promise<number> => {
    const narrow = await narrowed(tasks, filter, scope);
    return narrow ? await tasks.countMatching(narrow) : 0;
  };
  const [waiting, running] = await Promise.all([
    count({ waiting: true, running: false }),
    count({ waiting: false, running: true }),
  ]);
  return { waiting, running };
}
