import type { StoredEvent, StoredLog, TaskRecord } from "../store/task-record.js";
import { emptyRecord } from "../store/task-record.js";
import type { TaskBatch } from "../store/task-store.js";
import { type MarkedRecord, mergeMarked } from "./merge-event.js";
import type { HeardNews } from "./news-inbox.js";
import { readMarks, tryAt, writeMarks } from "./task-marks.js";

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
  const marked = new Map<string, MarkedRecord>();
  const events: StoredEvent[] = [];
  const logs: StoredLog[] = [];
  const merged: Merged[] = [];
  for (const heard of news) {
    const { id, atMs, host: worker, clock, type, mark, facts, fieldsJson, log } = heard.news;
    const known = marked.get(id) ?? markedRecord(options.recordOf(id));
    let { record, marks } = mergeMarked(known ?? newRecord(id, atMs), heard.news);
    // What a sender says of retries is about the try to come: it is filed by its instant.
    const retries = mark === "sent" ? undefined : facts.retries;
    const attempt = tryAt(marks, record.attempt, { atMs, retries });
    const place = { taskId: id, atMs: Math.floor(atMs), worker, attempt };
    if (fieldsJson !== undefined) events.push({ ...place, type, clock, fieldsJson });
    if (log) {
      const kept = keepLog(record, { ...log, ...place }, options.logLimit);
      record = kept.record;
      if (kept.log) logs.push(kept.log);
    }
    marked.set(id, { record, marks });
    merged.push({ heard, before: known?.record, after: record });
  }
  return { records: [...marked.values()].map((each) => stored(each, options)), events, logs, merged };
}

function markedRecord(record: TaskRecord | undefined): MarkedRecord | undefined {
  return record && { record, marks: readMarks(record.marksJson) };
}

function newRecord(id: string, atMs: number): MarkedRecord {
  return { record: emptyRecord(id, Math.floor(atMs)), marks: readMarks(null) };
}

/** Versions grow with time, so that two consoles that hear the same give about the same. */
function stored({ record, marks }: MarkedRecord, { nowMs }: BatchOptions): TaskRecord {
  return { ...record, marksJson: writeMarks(marks), version: Math.max(record.version + 1, nowMs) };
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
