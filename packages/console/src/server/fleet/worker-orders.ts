import type { Control, Logger } from "lovage";
import type { ActionOutcome } from "../../api/common.js";
import { keptText } from "../ingest/narrow.js";
import type { WorkerStore } from "../store/worker-store.js";
import type { Instant, KnownWorker } from "./known-worker.js";
import { wordsOf } from "./worker-replies.js";

/** Commands that nobody answers. Source: celery-protocol 9.2. */
const UNANSWERED: ReadonlySet<string> = new Set(["shutdown", "heartbeat"]);

/** A command of remote control. `destination`: names of workers; undefined for all. */
export interface WorkerOrder {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly destination: readonly string[] | undefined;
  /** Who gives it. */
  readonly by: string;
}

export interface WorkerOrdersOptions {
  readonly control: Control;
  readonly store: Pick<WorkerStore, "note">;
  readonly workers: ReadonlyMap<string, KnownWorker>;
  readonly logger: Logger;
  /** Seconds that workers are given to answer. */
  readonly inspectTimeout: number;
  readonly now: () => Instant;
  /** Called when the command has been sent to these workers, whatever came of it. */
  readonly sent: (method: string, names: readonly string[]) => void;
}

/** Gives workers orders, tells what came of each, and notes that in the worker's history. */
export class WorkerOrders {
  readonly #options: WorkerOrdersOptions;

  constructor(options: WorkerOrdersOptions) {
    this.#options = options;
  }

  /** Rejects when the broker cannot be told. A history that cannot be written is logged. */
  async give(order: WorkerOrder): Promise<readonly ActionOutcome[]> {
    const { method, destination } = order;
    const { workers, now, sent } = this.#options;
    const at = now();
    const isThere = (name: string): boolean => (workers.get(name)?.statusAt(at) ?? "offline") !== "offline";
    const asked = destination ?? [...workers.keys()].filter(isThere);
    const there = asked.filter(isThere);
    const isForSomebody = destination === undefined || there.length > 0;
    const outcomes = isForSomebody ? await this.#send(order, there).finally(() => sent(method, there)) : [];
    await this.#note(
      order,
      outcomes.filter(({ target }) => workers.has(target)),
    );
    const away = asked.filter((name) => !isThere(name)).map((target) => this.#skipped(target));
    return [...outcomes, ...away];
  }

  #skipped(target: string): ActionOutcome {
    const detail = this.#options.workers.has(target) ? "it is offline" : "no worker of this name is known";
    return { target, outcome: "skipped", detail };
  }

  /** One for all also goes to those that were not heard of, or not lately: one whose heartbeat is late may have heard it all the same. */
  async #send({ method, args, destination }: WorkerOrder, names: readonly string[]): Promise<readonly ActionOutcome[]> {
    const { control, workers, inspectTimeout } = this.#options;
    const toAll = destination === undefined;
    if (UNANSWERED.has(method)) {
      await control.broadcast(method, args, toAll ? {} : { destination: names });
      return names.map((target) => ({
        target,
        outcome: "done",
        detail: "it was told; this command has no answer",
      }));
    }
    const target = toAll ? { expected: names } : { destination: names };
    const replies = await control.ask(method, args, { ...target, timeout: inspectTimeout });
    return [...new Set([...names, ...replies.keys()])].map((name) => {
      const reply = replies.get(name);
      if (reply === undefined) {
        return { target: name, outcome: "no-answer", detail: `no answer within ${inspectTimeout} s` };
      }
      const { refused, text } = wordsOf(reply);
      if (!refused) learnFrom(method, workers.get(name));
      return { target: name, outcome: refused ? "refused" : "done", detail: text };
    });
  }

  /** What was sent is part of a worker's history. */
  async #note({ method, args, by }: WorkerOrder, outcomes: readonly ActionOutcome[]): Promise<void> {
    const { store, logger, now } = this.#options;
    const what = [method, ...Object.entries(args).map(([name, value]) => `${name}=${shortText(value)}`)].join(" ");
    const atMs = now().ms;
    const notes = outcomes.map(({ target, outcome, detail }) =>
      store.note(target, { atMs, what: keptText(what, 500), by, outcome: keptText(`${outcome}: ${detail}`, 500) }),
    );
    for (const note of await Promise.allSettled(notes)) {
      if (note.status === "rejected")
        logger.warn("a worker's history could not be written", { error: String(note.reason) });
    }
  }
}

function learnFrom(method: string, worker: KnownWorker | undefined): void {
  if (method === "enable_events" || method === "disable_events") worker?.setEvents(method === "enable_events");
}

function shortText(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
