import type { TaskDetail } from "../../api/tasks.js";
import type { WorkerSummary } from "../../api/workers.js";
import type { TaskRecord } from "../store/task-record.js";
import { type Arguments, areExact } from "./exact-arguments.js";
import { phaseOf } from "./task-phases.js";

type Possibility = TaskDetail["actions"]["revoke"];

const YES: Possibility = { possible: true, reason: null };
const no = (reason: string): Possibility => ({ possible: false, reason });

/**
 * What can be done with a task as it stands; each no with its reason. The worker has the last word when it is done. `loss`: what a retry
 * would leave out, if anything.
 */
export function possibleActions(
  record: TaskRecord,
  worker: WorkerSummary | undefined,
  found: Arguments,
  loss: string | null,
): TaskDetail["actions"] {
  return {
    revoke: canRevoke(record),
    stop: canStop(record, worker),
    terminate: canTerminate(record, worker),
    rerun: canRerun(record, found),
    retry: canRetry(record, found, loss),
    forget: canForget(record),
  };
}

export function canRevoke({ state }: TaskRecord): Possibility {
  switch (phaseOf(state)) {
    case "ended":
      return no(`it is ${state} already`);
    case "running":
      return no("it runs already: ask it to stop, or terminate it");
    default:
      return YES;
  }
}

export function canStop(record: TaskRecord, worker: WorkerSummary | undefined): Possibility {
  const idle = isRunning(record);
  if (idle) return idle;
  if (worker?.kind === "celery") return no("a Python worker has no way to ask a task to stop: terminate it");
  if (worker?.status === "offline") return no(`its worker ${worker.name} is offline`);
  return YES;
}

export function canTerminate(record: TaskRecord, worker: WorkerSummary | undefined): Possibility {
  const idle = isRunning(record);
  if (idle) return idle;
  return worker?.status === "offline" ? no(`its worker ${worker.name} is offline`) : YES;
}

function isRunning({ state }: TaskRecord): Possibility | undefined {
  switch (phaseOf(state)) {
    case "running":
      return undefined;
    case "ended":
      return no(`it is ${state} already`);
    case "lost":
      return no("nobody runs it: it was lost with its worker");
    default:
      return no("it does not run yet: revoke it");
  }
}

function canRerun({ name }: TaskRecord, found: Arguments): Possibility {
  if (name === null) return no("its name is not known: no event has told it");
  return areExact(found) ? YES : no(found.reason);
}

/** Whether a task may be sent again under its own id. Its arguments are looked for only after that. */
export function mayRetry({ name, state }: TaskRecord): Possibility {
  if (name === null) return no("its name is not known: no event has told it");
  const phase = phaseOf(state);
  if (phase === "waiting" || phase === "running") return no(`it is not over: it is ${state}`);
  if (state === "SUCCESS") return no("it succeeded: its result is never replaced; re-run it");
  if (state === "REVOKED") return no("workers remember its id as revoked and would not run it: re-run it");
  return YES;
}

function canRetry(record: TaskRecord, found: Arguments, loss: string | null): Possibility {
  const may = mayRetry(record);
  if (!may.possible) return may;
  if (!areExact(found)) return no(found.reason);
  return loss === null ? YES : no(loss);
}

export function canForget({ state }: TaskRecord): Possibility {
  const phase = phaseOf(state);
  return phase === "waiting" || phase === "running"
    ? no(`it is not over: it is ${state}, and its next event would bring it back`)
    : YES;
}

/** What ending one task does in a pool of this kind, for people. Ours and Python's kinds. */
export function terminationIn(pool: string | null, signal: string): string {
  switch (kindOf(pool)) {
    case "processes":
      return `its process is ended (${signal}); the pool starts another`;
    case "threads":
      return "its thread is ended; the pool starts another";
    case "shared":
      return "it is recorded as revoked; code that does not heed its signal goes on beside the other tasks, which are left alone";
    default:
      return `it is told to end (${signal})`;
  }
}

function kindOf(pool: string | null): "processes" | "threads" | "shared" | "other" {
  const name = (pool ?? "").toLowerCase();
  if (name.includes("prefork") || name.includes("processes")) return "processes";
  if (name === "threads") return "threads";
  return name === "async" || name === "solo" ? "shared" : "other";
}
