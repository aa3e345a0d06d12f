import type { StoredEvent, StoredLog, TaskRecord } from "../store/task-record.js";
import { emptyRecord } from "../store/task-record.js";
import type { TaskBatch } from "../store/task-store.js";
import { mergeEvent } from "./merge-event.js";
import type { HeardNews } from "./news-inbox.js";
import { readMarks, tryAt } from "./task-marks.js";

/** What one piece of news did. */
export interface Merged {
  readonly heard: HeardNews;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord;
}

/** A batch with all that happened on the way to it. */
export interface BuiltBatch extends TaskBatch {
  readonly merged: readonly Merged[];
}

export interface BatchOptions {
  /** The record as it is stored; undefined for a task that was never heard of. */
  recordOf(id: string): TaskRecord | undefined;
  readonly nowMs: number;
  /** Bytes of log lines kept of one task. */
  readonly logLimit: number;
}

/** Merges news into records, in the order they were heard. */
export function buildBatch(news: readonly HeardNews[], options: BatchOptions): BuiltBatch {
  const records = new Map<string, TaskRecord>();
  const events: StoredEvent[] = [];
  const logs: StoredLog[] = [];
  const merged: Merged[] = [];
  for (const heard of news) {
    const { id, atMs, host, clock, type, fieldsJson } = heard.news;
    const before = records.get(id) ?? options.recordOf(id);
    let after = mergeEvent(before ?? emptyRecord(id, Math.floor(atMs)), heard.news);
    const attempt = tryAt(readMarks(after.marksJson), after.attempt, atMs);
    if (fieldsJson !== undefined)
      events.push({ taskId: id, type, atMs: Math.floor(atMs), worker: host, clock, attempt, fieldsJson });
    if (heard.news.log) {
      const kept = keepLog(
        after,
        { ...heard.news.log, taskId: id, atMs: Math.floor(atMs), attempt, worker: host },
        options.logLimit,
      );
      after = kept.record;
      if (kept.log) logs.push(kept.log);
    }
    records.set(id, after);
    merged.push({ heard, before, after });
  }
  return { records: [...records.values()].map((record) => stamped(record, options)), events, logs, merged };
}

/** Versions grow with time, so that two consoles that hear the same give about the same. */
function stamped(record: TaskRecord, { nowMs }: BatchOptions): TaskRecord {
  return { ...record, version: Math.max(record.version + 1, nowMs) };
}

/** The line, while its task has room for it; then a note that there was more. */
export function keepLog(
  record: TaskRecord,
  log: StoredLog,
  limit: number,
): { readonly record: TaskRecord; readonly log: StoredLog | undefined } {
  if (record.logsCut) return { record, log: undefined };
  const size = Buffer.byteLength(log.message) + Buffer.byteLength(log.fieldsJson);
  if (record.logBytes + size > limit) return { record: { ...record, logsCut: true }, log: undefined };
  return { record: { ...record, logBytes: record.logBytes + size }, log };
}
