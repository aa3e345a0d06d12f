import type { TaskRecord } from "../store/task-record.js";
import type { Merged } from "./batch-builder.js";
import { RecordCache } from "./record-cache.js";
import type { MarkKind } from "./task-marks.js";

/** Marks of news that end a task. */
const ENDS: ReadonlySet<MarkKind | undefined> = new Set<MarkKind>([
  "succeeded",
  "failed",
  "revoked",
  "rejected",
  "ignored",
]);

/**
 * The records that a console goes by that does not write. Of a task both the store and this console may know more than the other: the one
 * that writes hears what others have found out, and is at times behind with what was heard.
 */
export class StandbyRecords {
  readonly #own = new RecordCache();

  /** Of each task what tells more. `stored`: as they are in the store. */
  newest(ids: Iterable<string>, stored: readonly TaskRecord[]): ReadonlyMap<string, TaskRecord> {
    const newest = new Map(stored.map((record) => [record.id, record]));
    for (const id of ids) {
      const own = this.#own.get(id);
      if (own && own.updatedMs > (newest.get(id)?.updatedMs ?? Number.NEGATIVE_INFINITY)) newest.set(id, own);
    }
    return newest;
  }

  keep(records: readonly TaskRecord[]): void {
    for (const record of records) this.#own.set(record);
  }

  clear(): void {
    this.#own.clear();
  }
}

/**
 * The record as it was before these news. Who writes is often quicker, and what was read from the store has them in it already: a task that
 * ended by them had not ended before, and whoever counts ends must see this one.
 */
export function beforeAsHeard({ heard, before }: Merged): TaskRecord | undefined {
  const { mark, atMs } = heard.news;
  if (!before || !ENDS.has(mark) || before.finishedMs !== Math.floor(atMs)) return before;
  return { ...before, state: "STARTED", finishedMs: null, runtime: null };
}
