import { withDeadline } from "lovage/internal";
import { FINAL_STATES } from "../../api/tasks.js";
import { findingsOf } from "../ingest/make-good.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";

/** Seconds that a page waits for the result backend, when it has something to show already. */
const BACKEND_TIMEOUT = 1.5;

/**
 * The record of a task. One that no event has told of is looked for in the result backend and at the workers. Throws an `ApiError`
 * (404, `no_record`).
 */
export async function findRecord(parts: ConsoleParts, id: string): Promise<TaskRecord> {
  const record = (await parts.tasks.get(id)) ?? (await parts.ingest.makeGood(id));
  if (record) return record;
  throw new ApiError(404, "no_record", `no record of task ${id}; it may have expired`);
}

/**
 * The record, with what the result backend knows better: the exact result and, with extended results, the exact arguments. What is found
 * is kept, so that it is asked for once. A backend that is away leaves the record as it is.
 */
export async function recallRecord(parts: ConsoleParts, record: TaskRecord): Promise<TaskRecord> {
  const lacksResult = record.state === "SUCCESS" && record.resultJson === null;
  const lacksArguments = record.argsJson === null || record.kwargsJson === null;
  if (!FINAL_STATES.has(record.state) || !(lacksResult || lacksArguments)) return record;
  try {
    const news = await withDeadline(readFindings(parts, record), BACKEND_TIMEOUT, () => new Error("no answer in time"));
    if (!news) return record;
    await parts.ingest.learn(record.id, news);
    return (await parts.tasks.get(record.id)) ?? record;
  } catch (error) {
    parts.logger.warn("the result backend could not be asked", { task: record.id, error: String(error) });
    return record;
  }
}

/** Only what the record lacks: its state, and when it came about, are the events' to tell. */
async function readFindings(
  { app }: ConsoleParts,
  { id, queue }: TaskRecord,
): Promise<Partial<TaskRecord> | undefined> {
  if (app.settings.resultBackend === null) return undefined;
  const backend = await app.direct.backend();
  const meta = backend.capabilities.readers === "all" ? await backend.get(id) : undefined;
  if (!meta) return undefined;
  const { argsJson, kwargsJson, argsSource, resultJson } = findingsOf(meta);
  const exactArguments =
    argsJson != null && kwargsJson != null ? { argsJson, kwargsJson, argsSource: argsSource ?? "result" } : {};
  // Python tells no event of what it sends, as a rule: then only the result says where a task was, and so where it runs again.
  const place = queue === null && meta.queue ? { queue: meta.queue } : {};
  const found = { ...exactArguments, ...place, ...(resultJson != null && { resultJson }) };
  return Object.keys(found).length === 0 ? undefined : found;
}
