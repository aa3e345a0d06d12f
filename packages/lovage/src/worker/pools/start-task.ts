import { SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded } from "../../errors.js";
import type { RunOutcome, TaskRequest } from "../../request.js";
import { type RunReporter, runTask, type TaskRegistry } from "../../run-task.js";
import { systemClock } from "../../util/clock.js";
import type { AbortReason } from "./messages.js";

/** A task at work in this process or thread. */
export interface StartedTask {
  /** Always resolves. */
  readonly outcome: Promise<RunOutcome>;
  /** Aborts the task's signal. A task that does not look at it goes on. */
  abort(reason: AbortReason): void;
}

/** Starts a request's task here, with a signal that its soft limit aborts. */
export function startTask(registry: TaskRegistry, request: TaskRequest, reporter: RunReporter): StartedTask {
  const controller = new AbortController();
  const outcome = runTask(registry, request, { signal: controller.signal, reporter });
  return {
    outcome: request.softTimeLimit === null ? outcome : withSoftLimit(outcome, request.softTimeLimit, controller),
    abort: (reason) => controller.abort(abortError(reason, request)),
  };
}

async function withSoftLimit(
  outcome: Promise<RunOutcome>,
  seconds: number,
  controller: AbortController,
): Promise<RunOutcome> {
  const cancel = systemClock.after(seconds, () => {
    controller.abort(new SoftTimeLimitExceeded(`soft time limit of ${seconds} s exceeded`));
  });
  try {
    return await outcome;
  } finally {
    cancel();
  }
}

function abortError(reason: AbortReason, { timeLimit }: TaskRequest): Error {
  if (reason === "time-limit") return new TimeLimitExceeded(`time limit of ${timeLimit} s exceeded`);
  return new TaskRevokedError(reason);
}
