import { isFinal, type TaskRow, type TaskState } from "./task-row.js";

/** What an event says happened to a task. */
export interface TaskNews {
  readonly id: string;
  readonly state?: TaskState;
  readonly step?: number;
  readonly text?: string;
}

/** Rows kept. What ended longest ago goes first. */
const MOST_ROWS = 200;

/** The tasks of this program's run as its page shows them, newest first. Kept in memory: the queue itself is in the broker. */
export class TaskList {
  readonly #rows = new Map<string, TaskRow>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #now: () => Date;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  /** Newest first. */
  get rows(): readonly TaskRow[] {
    return [...this.#rows.values()].reverse();
  }

  /** Ids of those that wait or run. */
  get unfinished(): readonly string[] {
    return [...this.#rows.values()].filter(({ state }) => !isFinal(state)).map(({ id }) => id);
  }

  find(id: string): TaskRow | undefined {
    return this.#rows.get(id);
  }

  /** A task that waits. Does nothing when it is known. */
  add(id: string, city: string): void {
    if (this.#rows.has(id)) return;
    const sentAt = this.#now().toISOString();
    this.#rows.set(id, { id, city, state: "PENDING", step: 0, sentAt, startedAt: null, endedAt: null, text: null });
    this.#dropOldest();
    this.#tell(id);
  }

  /** It was not sent after all. */
  remove(id: string): void {
    if (this.#rows.delete(id)) this.#tell(id);
  }

  /** Nothing changes once a task has ended but its text: events of one task may overtake each other. */
  hear({ id, state, step, text }: TaskNews): void {
    const row = this.#rows.get(id);
    if (!row) return;
    const ended = isFinal(row.state);
    if (ended && text === undefined) return;
    const next = ended ? row.state : (state ?? row.state);
    const now = this.#now().toISOString();
    this.#rows.set(id, {
      ...row,
      state: next,
      step: ended ? row.step : Math.max(row.step, step ?? 0),
      startedAt: row.startedAt ?? (next === "STARTED" ? now : null),
      endedAt: row.endedAt ?? (isFinal(next) ? now : null),
      text: text ?? row.text,
    });
    this.#tell(id);
  }

  /** Calls `listener` with the id of each task that changed, or went. The returned function ends it. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #dropOldest(): void {
    if (this.#rows.size <= MOST_ROWS) return;
    const oldest = [...this.#rows.values()].find(({ state }) => isFinal(state));
    if (oldest) this.remove(oldest.id);
  }

  #tell(id: string): void {
    for (const listener of [...this.#listeners]) listener(id);
  }
}
