import type { TaskMessage } from "lovage/internal";
import type { TaskRecord } from "../store/task-record.js";

/** Where exact arguments were found, as `TaskRecord.argsSource` has it. */
export type ArgumentSource = "event" | "result" | "queue" | "job";

/** What a task was sent with, exactly: it may be sent again. */
export interface ExactArguments {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly source: ArgumentSource;
  /** Where the task was taken from, if it was told beside them: a Python sender's queue is in no event unless it tells what it sends. */
  readonly queue?: string;
  /** The message they were found in: it also tells limits, links and stamps. */
  readonly message?: TaskMessage;
}

/** Why a task cannot be sent again as it was. In words, for people. */
export interface UnknownArguments {
  readonly reason: string;
}

/** Exact, or why not. */
export type Arguments = ExactArguments | UnknownArguments;

export function areExact(found: Arguments): found is ExactArguments {
  return "args" in found;
}

/** Why nothing exact is known of a task of which all sources were asked. */
export function unknownReason(record: TaskRecord, masked: boolean): string {
  if (masked) {
    return "its arguments hold secrets, which were masked before they were kept: what is shown is not what it was sent with";
  }
  if (record.args === null && record.kwargs === null) {
    return "nobody told its arguments: no event named them, and the result backend keeps none";
  }
  return "its arguments are known as a text for people only, which is never read back; resultExtended (result_extended in Python) keeps them exactly";
}
