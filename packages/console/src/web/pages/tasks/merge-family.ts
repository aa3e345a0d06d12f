import type { TaskTree as Family, TaskSummary } from "../../../api/tasks.js";
import type { LiveEvent } from "../../api/live.js";

/** Tasks of a family that are drawn: as many as the server lists. */
const MOST = 500;

/**
 * Puts what changed in its place, and adds what a task of the family has sent: up to as many as the server would list, then the family is
 * cut. The stream tells of every task there is, so most events are passed over.
 */
export function mergeFamily(family: Family, events: readonly LiveEvent[]): Family {
  const changed = events.flatMap((each) => (each.event === "task" ? [each.data] : []));
  const places = new Map(family.tasks.map(({ id }, place) => [id, place]));
  const ours = changed.filter(({ id, rootId }) => places.has(id) || rootId === family.rootId);
  if (ours.length === 0) return family;
  const tasks: TaskSummary[] = [...family.tasks];
  let { cut } = family;
  for (const task of ours) {
    const place = places.get(task.id);
    const known = place === undefined ? undefined : tasks[place];
    if (place !== undefined && known !== undefined) {
      if (task.version > known.version) tasks[place] = task;
    } else if (cut || tasks.length >= MOST) {
      cut = true;
    } else {
      places.set(task.id, tasks.length);
      tasks.push(task);
    }
  }
  return { ...family, tasks, cut };
}
