import type { TaskRecord } from "../store/task-record.js";

/** Records kept at hand: the news of a task mostly come close together. */
const LIMIT = 20_000;

/** The records of tasks that were heard of last, as they are in the store. The one used longest ago goes first. */
export class RecordCache {
  readonly #records = new Map<string, TaskRecord>();
  readonly #limit: number;

  constructor(limit = LIMIT) {
    this.#limit = limit;
  }

  get(id: string): TaskRecord | undefined {
    return this.#records.get(id);
  }
  has(id: string): boolean {
    return this.#records.has(id);
  }

  set(record: TaskRecord): void {
    // Put last: the order is the order of forgetting.
    this.#records.delete(record.id);
    this.#records.set(record.id, record);
    if (this.#records.size <= this.#limit) return;
    for (const id of this.#records.keys()) {
      this.#records.delete(id);
      if (this.#records.size <= this.#limit) return;
    }
  }

  delete(id: string): void {
    this.#records.delete(id);
  }
  clear(): void {
    this.#records.clear();
  }
}
