import type { ActionOutcome } from "../../api/common.js";
import { allDone, outcomeSummary } from "../components/outcome-list.js";
import { type Notice, problemNotice } from "../state/notice-board.js";
import { asProblem } from "./client.js";

/** How something that was done is taken back. */
export interface Undo {
  /** What was done: "Paused images". */
  readonly text: string;
  readonly detail?: string;
  /** What taking it back comes to: "Resumed images". */
  readonly undone: string;
  /** Takes it back; gives what became of it at each target, nothing where there are none. */
  readonly back: () => Promise<readonly ActionOutcome[] | undefined>;
}

/**
 * Says what was done, with a button that takes it back once. What comes of that is told wherever the person is by then, since the page that
 * did it may have been left. `after` is called when it is over, whatever came of it.
 */
export function offerUndo(
  notify: (notice: Notice) => void,
  { text, detail, undone, back }: Undo,
  after: () => void,
): void {
  const takeBack = async () => {
    try {
      const outcomes = (await back()) ?? [];
      if (outcomes.length === 0 || allDone(outcomes)) notify({ kind: "done", text: undone });
      else notify({ kind: "problem", text: "Not all of it could be undone", detail: outcomeSummary(outcomes) });
    } catch (error) {
      notify(problemNotice("It could not be undone", asProblem(error)));
    } finally {
      after();
    }
  };
  notify({ kind: "done", text, ...(detail !== undefined && { detail }), undo: () => void takeBack() });
}
