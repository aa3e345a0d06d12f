import type { ReceivedEvent } from "../protocol/events.js";
import type { TaskState } from "../protocol/states.js";

/** One task as its events tell. */
export interface TaskView {
  readonly id: string;
  readonly name: string | undefined;
  readonly state: TaskState;
  /** The node that said so last. */
  readonly hostname: string;
  readonly args: string | undefined;
  readonly kwargs: string | undefined;
  /** Seconds, once it has succeeded. */
  readonly runtime: number | undefined;
}

const STATES: Readonly<Record<string, TaskState>> = {
  "task-sent": "PENDING",
  "task-received": "RECEIVED",
  "task-started": "STARTED",
  "task-succeeded": "SUCCESS",
  "task-failed": "FAILURE",
  "task-retried": "RETRY",
  "task-revoked": "REVOKED",
  "task-rejected": "REJECTED",
};

/** Which of two states holds when events come out of order: the earlier one here. Source: celery-protocol 5.1. */
const PRECEDENCE: readonly TaskState[] = [
  "SUCCESS",
  "FAILURE",
  "REVOKED",
  "STARTED",
  "RECEIVED",
  "REJECTED",
  "RETRY",
  "PENDING",
];

/** Tasks remembered; past it the one that was heard of longest ago is forgotten. */
const LIMIT = 10_000;

/** Puts task events together, so that each can be shown with its task's name and state. */
export class TaskViews {
  readonly #views = new Map<string, TaskView>();

  /** The task after this event; undefined for an event that is about no task. */
  apply(event: ReceivedEvent): TaskView | undefined {
    const { uuid } = event.fields;
    if (typeof uuid !== "string" || !event.type.startsWith("task-")) return undefined;
    const before = this.#views.get(uuid);
    const view = merge(uuid, before, event);
    // Put last: the order is the order of forgetting.
    this.#views.delete(uuid);
    this.#views.set(uuid, view);
    this.#forgetOld();
    return view;
  }

  get(id: string): TaskView | undefined {
    return this.#views.get(id);
  }

  get size(): number {
    return this.#views.size;
  }

  #forgetOld(): void {
    for (const id of this.#views.keys()) {
      if (this.#views.size <= LIMIT) return;
      this.#views.delete(id);
    }
  }
}

function merge(id: string, before: TaskView | undefined, event: ReceivedEvent): TaskView {
  const { type, hostname } = event;
  const { name, args, kwargs, runtime } = event.fields;
  return {
    id,
    name: textOr(name, before?.name),
    state: laterState(before?.state, Object.hasOwn(STATES, type) ? STATES[type] : undefined),
    hostname,
    args: textOr(args, before?.args),
    kwargs: textOr(kwargs, before?.kwargs),
    runtime: typeof runtime === "number" ? runtime : before?.runtime,
  };
}

/** A retried task begins anew; otherwise a late message must not take a task back. */
function laterState(before: TaskState | undefined, said: TaskState | undefined): TaskState {
  if (said === undefined) return before ?? "PENDING";
  if (before === undefined || before === "RETRY" || said === "RETRY") return said;
  return PRECEDENCE.indexOf(said) <= PRECEDENCE.indexOf(before) ? said : before;
}

function textOr(value: unknown, otherwise: string | undefined): string | undefined {
  return typeof value === "string" ? value : otherwise;
}
