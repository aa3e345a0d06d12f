import type { AttentionItem } from "../../../api/operations.js";
import { nameInPath } from "../../../api/path-names.js";
import type { QueueSummary } from "../../../api/queues.js";
import type { WorkerSummary } from "../../../api/workers.js";
import type { Ingest } from "../../parts.js";

/** All that the rules look at, of one instant. */
export interface Snapshot {
  readonly nowMs: number;
  /** Offline ones too. */
  readonly workers: readonly WorkerSummary[];
  /** Without internal ones. */
  readonly queues: readonly QueueSummary[];
  /** Ready messages of each queue in the last ten minutes, one figure a minute, oldest first. */
  readonly depths: ReadonlyMap<string, readonly (number | null)[]>;
  /** Dead letters in the last ten minutes, in the same way. */
  readonly deadLetters: readonly (number | null)[];
  readonly broker: { readonly reachable: boolean; readonly error: string | null; readonly since: Date };
  /** Why the store cannot be used; null while it can. */
  readonly storeTrouble: string | null;
  readonly ingest: Ingest["status"];
  /** Tasks that were lost in the last day, by worker. */
  readonly lost: readonly LostTasks[];
  /** Tasks that wait to be run, by name, and since when the oldest of them does. */
  readonly waiting: readonly WaitingTasks[];
  /** Names that an online worker has registered; undefined while not all workers have said. */
  readonly registered: ReadonlySet<string> | undefined;
}
export interface LostTasks {
  readonly worker: string;
  readonly count: number;
  /** More than are counted. */
  readonly isMore: boolean;
  readonly sinceMs: number;
}
export interface WaitingTasks {
  readonly name: string;
  readonly count: number;
  /** More than are counted. */
  readonly isMore: boolean;
  readonly sinceMs: number;
}

/** What a rule found. `sinceMs`: where it is known when it began; else it began when it was first found. */
export type Finding = Omit<AttentionItem, "since"> & { readonly sinceMs?: number | undefined };
export type Rule = (snapshot: Snapshot) => readonly Finding[];

/** The page of a queue, or of a worker: names may hold anything. */
export function pageOf(kind: "queues" | "workers", name: string): string {
  return `/${kind}/${nameInPath(name)}`;
}

/** `1 task`, `3 tasks`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
