import { EventReceiver, type Lovage } from "lovage";
import type { LogLevel } from "./scraper/scrape-blog.js";

/** What is heard of a run while it goes on. */
export interface RunListener {
  log(entry: { readonly at: Date; readonly level: LogLevel; readonly message: string }): void;
  /** `total` is null while it is not known. */
  progress(progress: { readonly done: number; readonly total: number | null; readonly message: string }): void;
}

/** Events that end a run, or this attempt at it. */
const ENDS: ReadonlySet<string> = new Set(["task-succeeded", "task-failed", "task-revoked", "task-rejected"]);

/** Passes on what the worker's events tell of one task, as the console hears it too. */
export class RunFollower {
  readonly #receiver: EventReceiver;
  readonly #ended: Promise<void>;

  private constructor(
    broadcast: ConstructorParameters<typeof EventReceiver>[0]["broadcast"],
    id: string,
    to: RunListener,
  ) {
    let end: () => void = () => {};
    this.#ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#receiver = new EventReceiver({
      broadcast,
      onEvent: ({ type, timestamp, fields, known }) => {
        if (fields.uuid !== id) return;
        const at = new Date(timestamp * 1000);
        if (known?.type === "task-log") to.log({ at, level: levelOf(known.level), message: known.message });
        if (known?.type === "task-progress")
          to.progress({ ...known, done: known.current, message: known.message ?? "" });
        if (known?.type === "task-retried")
          to.log({ at, level: "warning", message: `The task will be tried again: ${known.exception}` });
        if (ENDS.has(type)) end();
      },
    });
  }

  /** Resolves once it listens: what is sent from now on is heard. */
  static async start(app: Lovage, id: string, to: RunListener): Promise<RunFollower> {
    const follower = new RunFollower((await app.direct.broker()).broadcast, id, to);
    await follower.#receiver.start();
    return follower;
  }

  /** Resolves when the end has been heard: everything else was before it. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async stop(): Promise<void> {
    await this.#receiver.stop();
  }
}

function levelOf(level: "debug" | "info" | "warn" | "error"): LogLevel {
  return level === "warn" ? "warning" : level === "error" ? "error" : "info";
}
