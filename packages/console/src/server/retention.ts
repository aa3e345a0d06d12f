import type { Logger } from "lovage";
import { type Service, sleep } from "lovage/internal";
import type { SystemInfo } from "../api/operations.js";
import type { Retention } from "./parts.js";
import { ApiError } from "./route.js";
import type { Database } from "./store/database.js";
import type { TaskStore } from "./store/task-store.js";

type Limits = Retention["limits"];

/** What is kept unless Settings say otherwise. */
export const DEFAULT_LIMITS: Limits = {
  taskDays: 7,
  taskCount: 1_000_000,
  failureDays: 30,
  logDays: 3,
  logBytesPerTask: 256 * 1024,
  auditDays: 365,
};

/** Least and most of each. Days may be fractions. */
const BOUNDS: {
  readonly [K in keyof Limits]: { readonly least: number; readonly most: number; readonly whole: boolean };
} = {
  taskDays: { least: 0.01, most: 3650, whole: false },
  taskCount: { least: 100, most: 100_000_000, whole: true },
  failureDays: { least: 0.01, most: 3650, whole: false },
  logDays: { least: 0.01, most: 3650, whole: false },
  logBytesPerTask: { least: 0, most: 64 * 1024 * 1024, whole: true },
  auditDays: { least: 1, most: 36_500, whole: false },
};

/** Seconds between two sweeps, and two readings of what another console may have changed. */
const SWEEP_EVERY = 60;
const READ_EVERY = 10;

const STEPS = ["CREATE TABLE console_settings (name text PRIMARY KEY, value_json text NOT NULL)"];
const SETTING = "retention";

export interface RetentionKeeperOptions {
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly logger: Logger;
  /** Whether this console is the one that writes: one sweeps for all. @default always */
  readonly sweeps?: () => boolean;
  /** What else goes by age, as audit lines. Called with each sweep. */
  readonly others?: readonly ((limits: Limits, nowMs: number) => Promise<unknown>)[];
  readonly nowMs?: () => number;
}

/** What is kept for how long: read from the store, where Settings put it, and applied once a minute in small steps. */
export class RetentionKeeper implements Retention, Service {
  readonly #options: RetentionKeeperOptions;
  readonly #nowMs: () => number;
  readonly #stopping = new AbortController();
  #limits: Limits = DEFAULT_LIMITS;
  #loop: Promise<void> | undefined;
  #sweptMs = 0;

  constructor(options: RetentionKeeperOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** Begins; waits for no database. */
  start(): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#loop ??= this.#keep();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Rejects with an `ApiError` (422, `bad_retention`) that names each wrong member; nothing has changed then. */
  async change(changes: Partial<SystemInfo["retention"]>): Promise<void> {
    const errors = problemsOf(changes);
    if (errors.length > 0)
      throw new ApiError(422, "bad_retention", errors.map(({ message }) => message).join("; "), { errors });
    await this.#read();
    const limits = withChanges(this.#limits, changes);
    await this.#options.database.write([
      {
        sql: `INSERT INTO console_settings (name, value_json) VALUES (?, ?)
              ON CONFLICT (name) DO UPDATE SET value_json = excluded.value_json`,
        values: [SETTING, JSON.stringify(limits)],
      },
    ]);
    this.#limits = limits;
  }

  /** Removes what is too old, or too many, now. Returns how many tasks went. */
  async sweep(): Promise<number> {
    const { tasks, others = [] } = this.#options;
    let removed = 0;
    for (;;) {
      const some = await tasks.sweep(this.#limits, this.#nowMs());
      removed += some;
      if (some === 0 || this.#stopping.signal.aborted) break;
      // Others have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const other of others) await other(this.#limits, this.#nowMs());
    return removed;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    const { logger, sweeps = () => true } = this.#options;
    let failed = false;
    while (!signal.aborted) {
      try {
        await this.#read();
        if (sweeps() && this.#nowMs() - this.#sweptMs >= SWEEP_EVERY * 1000) {
          this.#sweptMs = this.#nowMs();
          const removed = await this.sweep();
          if (removed > 0) logger.debug("removed old tasks", { tasks: removed });
        }
        failed = false;
      } catch (error) {
        if (!failed) logger.warn("retention could not be applied; trying again", { error: String(error) });
        failed = true;
      }
      await sleep(READ_EVERY, signal).catch(() => undefined);
    }
  }

  async #read(): Promise<void> {
    const { database } = this.#options;
    await database.migrate("settings", STEPS);
    const row = await database.get({
      sql: "SELECT value_json FROM console_settings WHERE name = ?",
      values: [SETTING],
    });
    if (row) this.#limits = withChanges(DEFAULT_LIMITS, readChanges(String(row.value_json)));
  }
}

type Changes = { -readonly [K in keyof Limits]?: number };

function isLimit(name: string): name is keyof Limits {
  return Object.hasOwn(BOUNDS, name);
}

function problemsOf(
  changes: Readonly<Record<string, unknown>>,
): readonly { readonly path: string; readonly message: string }[] {
  return Object.entries(changes).flatMap(([name, value]) => {
    if (!isLimit(name)) return [{ path: name, message: `${name} is no limit` }];
    const { least, most, whole } = BOUNDS[name];
    const fits = typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (fits || value === undefined) return [];
    return [{ path: name, message: `${name} must be a ${whole ? "whole " : ""}number from ${least} to ${most}` }];
  });
}

function withChanges(limits: Limits, changes: Changes | Partial<SystemInfo["retention"]>): Limits {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return { ...limits, ...given };
}

/** What the store has, as far as it is right: a damaged row must not have everything removed. */
function readChanges(text: string): Changes {
  const changes: Changes = {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return changes;
    for (const [name, each] of Object.entries(value)) {
      if (isLimit(name) && typeof each === "number" && problemsOf({ [name]: each }).length === 0) changes[name] = each;
    }
  } catch {
    // Defaults hold.
  }
  return changes;
}
