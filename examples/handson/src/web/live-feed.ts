import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { TaskList } from "../task-list.js";

/** Seconds without news after which a line is sent all the same, so that nobody on the way takes the connection for dead. */
const HEARTBEAT = 15;
const MOST_STREAMS = 50;

/**
 * Sends changes of the list to open pages as Server-Sent Events: `snapshot` {tasks, now} at the beginning, then `tasks` {changed, gone}.
 * What a page has not been sent yet is remembered as a set of ids, so a slow one gets the newest state of each and holds up nobody.
 */
export class LiveFeed {
  readonly #list: TaskList;
  #streams = 0;

  constructor(list: TaskList) {
    this.#list = list;
  }

  respond(c: Context): Response {
    if (this.#streams >= MOST_STREAMS) return c.text("too many pages are open\n", 503);
    this.#streams++;
    return streamSSE(c, async (stream) => {
      const news = new News(this.#list);
      stream.onAbort(() => news.end());
      try {
        await stream.writeSSE({ event: "snapshot", data: JSON.stringify(this.#snapshot()) });
        while (!stream.aborted) {
          const ids = await news.next(HEARTBEAT);
          if (stream.aborted) break;
          if (ids.length === 0) await stream.write(": still here\n\n");
          else await stream.writeSSE({ event: "tasks", data: JSON.stringify(this.#changes(ids)) });
        }
      } finally {
        news.end();
        this.#streams--;
      }
    });
  }

  /** `now` is the server's clock, to which the rows' instants belong. */
  #snapshot(): object {
    return { tasks: this.#list.rows, now: new Date().toISOString() };
  }

  #changes(ids: readonly string[]): object {
    const rows = ids.map((id) => this.#list.find(id));
    return {
      changed: rows.filter((row) => row !== undefined),
      gone: ids.filter((_, index) => rows[index] === undefined),
    };
  }
}

/** Ids of what has changed since they were last asked for. */
class News {
  readonly #ids = new Set<string>();
  readonly #leave: () => void;
  #wake: () => void = () => undefined;
  #ended = false;

  constructor(list: TaskList) {
    this.#leave = list.onChange((id) => {
      this.#ids.add(id);
      this.#wake();
    });
  }

  /** Resolves as soon as there are some, with none after so many seconds, or when it ended. */
  async next(seconds: number): Promise<readonly string[]> {
    if (this.#ids.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const ids = [...this.#ids];
    this.#ids.clear();
    return ids;
  }

  end(): void {
    this.#ended = true;
    this.#leave();
    this.#wake();
  }
}
