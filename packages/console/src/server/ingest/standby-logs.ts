import type { Logger } from "lovage";
import type { LiveHub } from "../parts.js";
import type { StoredLog } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import type { LivePublisher } from "./live-publisher.js";

/** Milliseconds after which a line is no longer waited for: the one that writes has left it out, or has ended. */
const PATIENCE_MS = 20_000;
/** Logs that are followed at most: of each that somebody looks at one page of lines is read at a time. */
const MOST_FOLLOWED = 500;
const PAGE = 1000;

interface Followed {
  /** Everything up to this line was read. */
  afterSeq: number;
  /** Lines from before this instant are not new; undefined once one was shown. */
  fromMs: number | undefined;
  /** Lines that were heard and are not shown. */
  missing: number;
  untilMs: number;
}

/**
 * Log lines for the open pages of a console that does not write. It hears them too, but a line has its number, which pages go by, from the
 * store: each is shown as soon as the one that writes has put it there.
 */
export class StandbyLogs {
  readonly #tasks: Pick<TaskStore, "logs">;
  readonly #live: Pick<LiveHub, "hasListeners">;
  readonly #publisher: Pick<LivePublisher, "logs">;
  readonly #logger: Logger;
  readonly #followed = new Map<string, Followed>();

  constructor(options: {
    readonly tasks: Pick<TaskStore, "logs">;
    readonly live: Pick<LiveHub, "hasListeners">;
    readonly publisher: Pick<LivePublisher, "logs">;
    readonly logger: Logger;
  }) {
    this.#tasks = options.tasks;
    this.#live = options.live;
    this.#publisher = options.publisher;
    this.#logger = options.logger;
  }

  /** These lines were heard. */
  heard(logs: readonly StoredLog[], nowMs: number): void {
    for (const { taskId, atMs } of logs) {
      const followed = this.#followed.get(taskId) ?? this.#follow(taskId, atMs);
      if (!followed) continue;
      followed.missing += 1;
      followed.untilMs = nowMs + PATIENCE_MS;
    }
  }

  /** Shows those that are in the store by now. Never rejects. */
  async show(nowMs: number): Promise<void> {
    for (const [taskId, followed] of this.#followed) {
      if (!this.#live.hasListeners(topicOf(taskId))) this.#followed.delete(taskId);
      else if (followed.untilMs < nowMs) followed.missing = 0;
      else if (followed.missing > 0) await this.#showNew(taskId, followed);
    }
  }

  /** From now on who wrote before is not waited for. */
  clear(): void {
    this.#followed.clear();
  }

  #follow(taskId: string, fromMs: number): Followed | undefined {
    if (this.#followed.size >= MOST_FOLLOWED || !this.#live.hasListeners(topicOf(taskId))) return undefined;
    const followed: Followed = { afterSeq: 0, fromMs, missing: 0, untilMs: 0 };
    this.#followed.set(taskId, followed);
    return followed;
  }

  async #showNew(taskId: string, followed: Followed): Promise<void> {
    try {
      const read = await this.#tasks.logs(taskId, { afterSeq: followed.afterSeq, limit: PAGE });
      const { fromMs } = followed;
      const first = fromMs === undefined ? 0 : read.findIndex(({ atMs }) => atMs >= fromMs);
      const fresh = first === -1 ? [] : read.slice(first);
      followed.afterSeq = read.at(-1)?.seq ?? followed.afterSeq;
      if (fresh.length === 0) return;
      followed.fromMs = undefined;
      followed.missing = Math.max(0, followed.missing - fresh.length);
      this.#publisher.logs(
        fresh,
        fresh.map(({ seq }) => seq),
      );
    } catch (error) {
      this.#logger.debug("log lines could not be read", { error: String(error) });
    }
  }
}

function topicOf(taskId: string): string {
  return `log:${taskId}`;
}
