import { readEventStream } from "./event-stream.js";
import type { LiveEvent } from "./live.js";

/** How the stream fares. `heardAt`: when anything last came, comments included. `failures`: attempts in vain since then. */
export interface StreamState {
  readonly connected: boolean;
  readonly failures: number;
  readonly heardAt: number;
}

export interface LiveStreamOptions {
  readonly url: (topics: readonly string[]) => string;
  /** At most four times a second. */
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  readonly onState: (state: StreamState) => void;
  /** From now on these are told of too: what happened under them before was not heard. */
  readonly onBegin: (topics: readonly string[]) => void;
  readonly onUnauthorized: () => void;
}

const EVENT_NAMES: ReadonlySet<string> = new Set([
  "stats",
  "attention",
  "worker",
  "queue",
  "task",
  "tasks",
  "log",
  "progress",
  "run",
  "operation",
  "resync",
]);
const FLUSH_MS = 250;
/** The server comments every 15 s: after three of those it is gone, whatever the socket says. */
const SILENCE_MS = 45_000;
const RETRY_MS = [500, 2_000, 5_000, 10_000] as const;
/** A topic nobody wants any more is dropped this much later: pages that are left are often come back to. */
const SHRINK_MS = 10_000;

/**
 * The one connection: opened for a set of topics, reopened when that grows or the connection breaks, from the event last seen.
 * `fetch` and not `EventSource`: only so can a reopened stream say where it left off, and a refusal be told from a broken line.
 */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  #wanted: ReadonlySet<string> = new Set();
  #open: { readonly topics: ReadonlySet<string>; readonly abort: AbortController } | undefined;
  #lastId: string | undefined;
  /** Of the last connection that stood: of these, the next one begins with what was missed. */
  #carried: ReadonlySet<string> = new Set();
  #state: StreamState = { connected: false, failures: 0, heardAt: Date.now() };
  #buffer: LiveEvent[] = [];
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #flushedMs = Number.NEGATIVE_INFINITY;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #shrinkTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
  }

  /** The topics to listen to from now on; none closes the stream. */
  want(topics: ReadonlySet<string>): void {
    this.#wanted = topics;
    if (topics.size === 0) return this.close();
    clearTimeout(this.#shrinkTimer);
    const open = this.#open;
    if (!open) {
      if (this.#retryTimer === undefined) this.#connect();
    } else if ([...topics].some((topic) => !open.topics.has(topic))) this.#connect();
    else if (open.topics.size > topics.size) this.#shrinkTimer = setTimeout(() => this.#connect(), SHRINK_MS);
  }

  close(): void {
    this.#open?.abort.abort();
    this.#open = undefined;
    for (const timer of [this.#retryTimer, this.#shrinkTimer, this.#flushTimer]) clearTimeout(timer);
    this.#retryTimer = undefined;
    this.#flushTimer = undefined;
    this.#buffer = [];
    this.#setState({ connected: false, failures: 0 });
  }

  #connect(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#open?.abort.abort();
    const open = { topics: this.#wanted, abort: new AbortController() };
    this.#open = open;
    void this.#run(open).then((outcome) => {
      if (this.#open !== open) return;
      this.#open = undefined;
      if (outcome === "unauthorized") return this.#options.onUnauthorized();
      const failures = this.#state.failures + 1;
      this.#setState({ connected: false, failures });
      const delayMs = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? 10_000;
      this.#retryTimer = setTimeout(() => this.#connect(), delayMs);
    });
  }

  /** Listens until the line breaks. Never throws. */
  async #run(open: {
    readonly topics: ReadonlySet<string>;
    readonly abort: AbortController;
  }): Promise<"ended" | "unauthorized"> {
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => open.abort.abort(), SILENCE_MS);
      this.#state = { ...this.#state, heardAt: Date.now() };
    };
    heard();
    try {
      const response = await fetch(this.#options.url([...open.topics].sort()), {
        credentials: "same-origin",
        signal: open.abort.signal,
        headers: { accept: "text/event-stream", ...(this.#lastId !== undefined && { "last-event-id": this.#lastId }) },
      });
      if (response.status === 401) return "unauthorized";
      if (!response.ok || !response.body) return "ended";
      heard();
      if (this.#open === open) this.#begin(open.topics);
      for await (const event of readEventStream(response.body, heard)) {
        if (this.#open !== open) return "ended";
        if (event.id !== undefined) this.#lastId = event.id;
        this.#take(event.event, event.data);
      }
    } catch {
      // Broken, aborted or refused by the network: all the same here, the state tells.
    } finally {
      clearTimeout(silence);
    }
    return "ended";
  }

  #begin(topics: ReadonlySet<string>): void {
    const begun = [...topics].filter((topic) => !this.#carried.has(topic));
    this.#carried = topics;
    this.#setState({ connected: true, failures: 0 });
    if (begun.length > 0) this.#options.onBegin(begun);
  }

  #take(event: string, data: string): void {
    if (!EVENT_NAMES.has(event)) return;
    try {
      // Both ends are built from src/api/live.ts: the name says what the data is.
      this.#buffer.push({ event, data: JSON.parse(data) } as LiveEvent);
    } catch {
      return;
    }
    // After a quiet time at once, with what comes in the same breath.
    const waitMs = Math.max(0, this.#flushedMs + FLUSH_MS - performance.now());
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      this.#flushedMs = performance.now();
      this.#options.onEvents(this.#buffer.splice(0));
    }, waitMs);
  }

  #setState(change: Partial<StreamState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }
}
