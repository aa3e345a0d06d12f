import { useState } from "react";
import { AppLink } from "../../components/app-link.js";
import { Duration } from "../../components/duration.js";
import { Icon } from "../../components/icon.js";
import { StateBadge } from "../../components/state-badge.js";
import { paths } from "../../paths.js";
import type { TaskNode } from "./nest-tasks.js";
import { shortId } from "./short-id.js";
import "./task-tree.css";

/** Children beyond this begin folded. */
const FOLDED_FROM = 50;

/** A family of tasks as a nested list: state, name, runtime; `current` is the one whose page this is. */
export function TaskTree({ nodes, current }: { readonly nodes: readonly TaskNode[]; readonly current: string }) {
  return (
    <ul className="lv-task-tree">
      {nodes.map((node) => (
        <Branch key={node.task.id} node={node} current={current} />
      ))}
    </ul>
  );
}

function Branch({ node, current }: { readonly node: TaskNode; readonly current: string }) {
  const { task, children } = node;
  const [open, setOpen] = useState(children.length < FOLDED_FROM);
  const name = task.name ?? task.id;
  return (
    <li>
      <div className="lv-task-tree-node" data-current={task.id === current}>
        {children.length > 0 ? (
          <button
            type="button"
            className="lv-task-tree-fold"
            aria-expanded={open}
            aria-label={`${children.length} sent by ${name}`}
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? "chevron-down" : "chevron-right"} size={14} />
          </button>
        ) : (
          <span className="lv-task-tree-fold" aria-hidden="true" />
        )}
        <StateBadge state={task.state} />
        {task.id === current ? (
          <strong aria-current="page">
            <bdi>{name}</bdi>
          </strong>
        ) : (
          <AppLink to={paths.task(task.id, { tab: "canvas" })}>
            <bdi>{name}</bdi>
          </AppLink>
        )}
        <span className="lv-muted lv-mono">{shortId(task.id)}</span>
        <span className="lv-task-tree-figures">
          {task.retries > 0 && <span className="lv-muted">{task.retries} retries</span>}
          <Duration seconds={task.runtime} />
        </span>
      </div>
      {open && children.length > 0 && (
        <ul>
          {children.map((child) => (
            <Branch key={child.task.id} node={child} current={current} />
          ))}
        </ul>
      )}
      {!open && <p className="lv-muted lv-task-tree-folded">{foldedText(children)}</p>}
    </li>
  );
}

/** Counts by state of what is folded: "60 tasks: 58 SUCCESS, 2 FAILURE". */
function foldedText(children: readonly TaskNode[]): string {
  const counts = new Map<string, number>();
  for (const { task } of children) {
    counts.set(task.state, (counts.get(task.state) ?? 0) + 1);
  }
  return `${children.length} tasks: ${[...counts].map(([state, count]) => `${count} ${state}`).join(", ")}`;
}
