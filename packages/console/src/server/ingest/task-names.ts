/** Names kept: of the tasks that may run at one time, and some. */
const LIMIT = 50_000;

/** The names of tasks that were heard of last. The one that was heard of longest ago goes first. */
export class TaskNames {
  readonly #names = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = LIMIT) {
    this.#limit = limit;
  }

  get(id: string): string | undefined {
    return this.#names.get(id);
  }

  note(id: string, name: string): void {
    this.#names.delete(id);
    this.#names.set(id, name);
    if (this.#names.size <= this.#limit) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }
}
