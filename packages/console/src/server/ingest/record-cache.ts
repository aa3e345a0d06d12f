import { FINAL_STATES } from "../../api/tasks.js";
import type { TaskRecord } from "../store/task-record.js";

/** Records of tasks that go on, kept at hand: the news of a task mostly come close together. About 4 KB each. */
const LIVING = 20_000;
/** Of tasks that have ended, of which little is heard any more. They would be most of what is kept. */
const ENDED = 2_000;

/** The records of tasks that were heard of last, as they are in the store. The one used longest ago goes first. */
export class RecordCache {
  readonly #living = new Map<string, TaskRecord>();
  readonly #ended = new Map<string, TaskRecord>();
  readonly #limits: { readonly living: number; readonly ended: number };

  constructor(limits = { living: LIVING, ended: ENDED }) {
    this.#limits = limits;
  }

  get(id: string): TaskRecord | undefined {
    return this.#living.get(id) ?? this.#ended.get(id);
  }

  set(record: TaskRecord): void {
    // Put last: the order is the order of forgetting.
    this.delete(record.id);
    const hasEnded = FINAL_STATES.has(record.state);
    const records = hasEnded ? this.#ended : this.#living;
    records.set(record.id, record);
    const limit = hasEnded ? this.#limits.ended : this.#limits.living;
    for (const id of records.keys()) {
      if (records.size <= limit) return;
      records.delete(id);
    }
  }

  delete(id: string): void {
    this.#living.delete(id);
    this.#ended.delete(id);
  }
  clear(): void {
    this.#living.clear();
    this.#ended.clear();
  }
}
