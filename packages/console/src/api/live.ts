import type { RunSummary } from "./jobs.js";
import type { AttentionItem, Operation, Tiles } from "./operations.js";
import type { QueueSummary } from "./queues.js";
import type { LogLine, Progress, TaskSummary } from "./tasks.js";
import type { WorkerSummary } from "./workers.js";

/**
 * What the stream `GET /api/v1/events?topics=…` says: the name of each event, the topic it comes under, and its data (JSON).
 * Topics: `stats workers queues tasks task:{id} log:{id} run:{id} schedules operation:{id}`. `attention` comes with `stats`.
 * `live-topics.ts` has how they are written in an address.
 */
export interface LiveEvents {
  /** `stats`, each second. */
  readonly stats: Tiles;
  /** `stats`, when it changes. */
  readonly attention: readonly AttentionItem[];
  /** `workers`. `gone`: forgotten. */
  readonly worker: WorkerSummary | { readonly name: string; readonly gone: true };
  /** `queues`, after each sample. */
  readonly queue: QueueSummary;
  /** `tasks`: records that changed, at most 4 times a second, newest state only. `task:{id}`: that one. */
  readonly task: TaskSummary;
  /** `tasks`: counts per state over all records, and the newest id. */
  readonly tasks: { readonly states: Readonly<Record<string, number>>; readonly newest: string | null };
  /** `log:{id}`. */
  readonly log: LogLine;
  /** `task:{id}`, `run:{id}`. */
  readonly progress: { readonly taskId: string; readonly progress: Progress };
  /** `run:{id}`. */
  readonly run: RunSummary;
  /** `operation:{id}`. */
  readonly operation: Operation;
  /** Too much was missed: ask the lists again. */
  readonly resync: { readonly reason: string };
}
export type LiveEventName = keyof LiveEvents;
