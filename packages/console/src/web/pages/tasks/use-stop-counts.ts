import { useState } from "react";
import type { TaskFilter } from "../../../api/tasks.js";
import { useApi } from "../../api/use-api.js";

/** Tasks that a stop-all would revoke, and those that it would terminate. */
export interface StopCounts {
  readonly waiting: number;
  readonly running: number;
}

/** How many tasks a stop-all would end, counted anew every two seconds until a number is being typed. */
export function useStopCounts(filter: TaskFilter | undefined, enabled = true) {
  const [held, setHeld] = useState<StopCounts>();
  const answer = useApi<StopCounts>("operations/stop-all", filter ?? {}, { refetchEvery: 2, enabled });
  // What another filter counted is no count of this one.
  const newest = answer.isPlaceholderData ? undefined : answer.data;
  return {
    known: held ?? newest,
    answer,
    /** Keeps the counts as they are while something stands in the field: they must not change under the hands. */
    hold: (typed: string) => setHeld(typed === "" ? undefined : (held ?? newest)),
    /** Shows the newest again: what was typed was refused, or is a number of something else. */
    release: () => setHeld(undefined),
  };
}
