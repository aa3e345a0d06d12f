import type { Operation } from "../../../api/operations.js";
import type { Tone } from "../../components/state-badge.js";

/** What each kind of operation is called. */
export const KIND_NAMES: Readonly<Record<Operation["kind"], string>> = {
  rerun: "Re-run",
  retry: "Retry",
  revoke: "Revoke",
  terminate: "Terminate",
  forget: "Forget records",
  "stop-all": "Stop all",
};

export const STATE_LOOKS: Readonly<Record<Operation["state"], { readonly tone: Tone; readonly sign: string }>> = {
  waiting: { tone: "quiet", sign: "○" },
  running: { tone: "running", sign: "▶" },
  done: { tone: "good", sign: "✓" },
  cancelled: { tone: "stopped", sign: "⊘" },
  failed: { tone: "bad", sign: "✕" },
};

/** The filter as one reads it: `state FAILURE, name:charge`. */
export function filterText(filter: Operation["filter"]): string {
  if (filter === null) return "chosen tasks";
  const parts = Object.entries(filter).flatMap(([key, value]) =>
    value === undefined ? [] : [key === "q" ? value : `${key} ${value}`],
  );
  return parts.length === 0 ? "all tasks" : parts.join(", ");
}

export function isUnderWay({ state }: Operation): boolean {
  return state === "waiting" || state === "running";
}
