import type { WriteOptions } from "../../connections/postgres.js";
import type { GroupMeta, TaskMeta } from "../../protocol/task-meta.js";

/** A result to be stored. Instants are Unix milliseconds. */
export interface NewResult {
  readonly id: string;
  readonly meta: TaskMeta;
  /** `meta` as Celery's Redis backend keeps it. */
  readonly text: string;
  readonly fence: number | undefined;
  readonly nowMs: number;
  /** Null for never. */
  readonly expiresMs: number | null;
}

export interface StoreOutcome {
  /** Whether it took the place of what was there. */
  readonly kept: boolean;
  /** Whether a process waits for results now. */
  readonly awaited: boolean;
}

/** A result as it is read: `text` is a meta, as in `NewResult`. */
export interface StoredResult {
  readonly id: string;
  readonly status: string;
  readonly text: string;
}

/** Where results and groups are kept: in tables of our own, or in those of django-celery-results. */
export interface ResultTables {
  /** Rejects when the tables are not there. */
  open(): Promise<void>;
  /** By the rule of `ResultBackend.store`. */
  store(result: NewResult, options: WriteOptions): Promise<StoreOutcome>;
  /** Those of `ids` that are stored and have not expired. */
  find(ids: readonly string[], nowMs: number): Promise<readonly StoredResult[]>;
  remove(id: string): Promise<void>;
  saveGroup(group: GroupMeta, nowMs: number, expiresMs: number | null): Promise<void>;
  /** The text of `encodeGroupMeta`. */
  findGroup(id: string, nowMs: number): Promise<string | undefined>;
  /** Removes some expired results and groups. `removed` counts results; `more` is false when nothing is left to remove. */
  removeExpired(nowMs: number): Promise<{ readonly removed: number; readonly more: boolean }>;
}

/** An instant as PostgreSQL reads it, in arrays too. */
export function instantText(ms: number): string {
  return new Date(ms).toISOString();
}
export function instantTextOrNull(ms: number | null): string | null {
  return ms === null ? null : instantText(ms);
}
