import type { Problem } from "../../api/common.js";

/** Something to tell: what an action did, or why it did not. */
export interface Notice {
  readonly kind: "done" | "info" | "problem";
  readonly text: string;
  /** A second line: a worker's own words, an error's code. */
  readonly detail?: string;
  /** Offers Undo for as long as the notice stays. */
  readonly undo?: () => void;
  /** A link to what came of it: a path of the console. */
  readonly link?: { readonly label: string; readonly to: string };
}
export interface ShownNotice extends Notice {
  readonly id: number;
}

const MOST = 4;

export class NoticeBoard {
  readonly #listeners = new Set<() => void>();
  #notices: readonly ShownNotice[] = [];
  #nextId = 1;

  readonly list = (): readonly ShownNotice[] => this.#notices;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly add = (notice: Notice): void => {
    this.#set([...this.#notices, { ...notice, id: this.#nextId++ }].slice(-MOST));
  };
  readonly remove = (id: number): void => {
    this.#set(this.#notices.filter((notice) => notice.id !== id));
  };

  #set(notices: readonly ShownNotice[]): void {
    this.#notices = notices;
    for (const listener of this.#listeners) listener();
  }
}

/** A refusal as a notice. */
export function problemNotice(text: string, problem: Problem): Notice {
  return { kind: "problem", text, detail: `${problem.detail} (${problem.code})` };
}
