import type { TaskSummary } from "../../../api/tasks.js";

/** A task with those that it sent, oldest first. */
export interface TaskNode {
  readonly task: TaskSummary;
  readonly children: readonly TaskNode[];
}

/**
 * A flat family as trees: usually one, from its root. A task whose parent is not listed (its record may have gone) starts a tree of its own,
 * and so does one that is its own ancestor, so that every task is shown once whatever the messages claimed.
 */
export function nestTasks(tasks: readonly TaskSummary[]): TaskNode[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const childrenOf = new Map<string, TaskSummary[]>();
  const roots: TaskSummary[] = [];
  for (const task of byId.values()) {
    const parent = task.parentId;
    if (parent === null || parent === task.id || !byId.has(parent)) {
      roots.push(task);
    } else {
      const siblings = childrenOf.get(parent);
      if (siblings === undefined) {
        childrenOf.set(parent, [task]);
      } else {
        siblings.push(task);
      }
    }
  }
  const placed = new Set<string>();
  const trees = inOrder(roots).map((task) => nodeOf(task, childrenOf, placed));
  // What is left hangs in a circle: each circle is cut at its oldest task.
  for (const task of inOrder([...byId.values()])) {
    if (!placed.has(task.id)) {
      trees.push(nodeOf(task, childrenOf, placed));
    }
  }
  return trees;
}

function nodeOf(task: TaskSummary, childrenOf: ReadonlyMap<string, TaskSummary[]>, placed: Set<string>): TaskNode {
  placed.add(task.id);
  const children: TaskNode[] = [];
  for (const child of inOrder(childrenOf.get(task.id) ?? [])) {
    if (!placed.has(child.id)) {
      children.push(nodeOf(child, childrenOf, placed));
    }
  }
  return { task, children };
}

function inOrder(tasks: readonly TaskSummary[]): TaskSummary[] {
  const timeOf = (task: TaskSummary) => task.sent ?? task.received ?? task.started ?? "9";
  return [...tasks].sort((a, b) => timeOf(a).localeCompare(timeOf(b)) || a.id.localeCompare(b.id));
}
