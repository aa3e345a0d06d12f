import type { LiveEventName, LiveEvents } from "../../api/live.js";
import { randomKey } from "./client.js";
import { LiveStream, type StreamState } from "./live-stream.js";

/**
 * One stream for all tabs of a browser. The tab that holds the Web Lock leads: it opens the stream for the topics of all tabs and hands
 * what comes to the others over a BroadcastChannel. When it closes, the lock passes on. Where the page is not a secure context (plain http
 * on another host) there are no locks, and each tab has a stream of its own.
 */

/** An event with its name; `data` fits the name. */
export type LiveEvent = {
  readonly [E in LiveEventName]: { readonly event: E; readonly data: LiveEvents[E] };
}[LiveEventName];
/** Who listens to some topics. */
export interface LiveListener {
  /** What came, at most four times a second. */
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  /** The stream tells of a topic from now on. What was asked for before may be older than that: it is to be asked for again. */
  readonly onBegin?: (() => void) | undefined;
}

/** What the indicator shows. `stale`: nothing has come since then, and pages poll meanwhile. `idle`: nothing to listen to. */
export type LiveState =
  | { readonly kind: "live" | "paused" | "reconnecting" | "idle" }
  | { readonly kind: "stale"; readonly since: number };

/** What tabs say to each other. */
type TabMessage =
  | { readonly type: "tab"; readonly tab: string; readonly topics: readonly string[]; readonly visible: boolean }
  | { readonly type: "bye"; readonly tab: string }
  | { readonly type: "who" }
  | { readonly type: "events"; readonly events: readonly LiveEvent[] }
  | { readonly type: "begin"; readonly topics: readonly string[] }
  | { readonly type: "state"; readonly state: StreamState };

interface TabWish {
  readonly topics: readonly string[];
  readonly visible: boolean;
  readonly at: number;
}

/** Hidden tabs' timers run once a minute at worst; a tab silent for two of those is gone. */
const TAB_FORGOTTEN_MS = 130_000;
const TAB_REPORT_MS = 20_000;
const HIDDEN_CLOSE_MS = 30_000;
const POLL_MS = 5_000;
const FAILURES_BEFORE_POLLING = 3;

export interface LiveClientOptions {
  /** Address of the stream for some topics. */
  readonly url: (topics: readonly string[]) => string;
  /** Names the lock and the channel: one for each console of an origin. */
  readonly name: string;
  /** Too much was missed, or the stream is down and it is time to ask again: look at everything shown anew. */
  readonly onRefresh: () => void;
  /** The session has ended. */
  readonly onUnauthorized: () => void;
}

export class LiveClient {
  readonly #options: LiveClientOptions;
  readonly #tab = randomKey();
  readonly #tabs = new Map<string, TabWish>();
  readonly #listeners = new Map<string, Set<LiveListener>>();
  readonly #stateListeners = new Set<() => void>();
  readonly #stream: LiveStream;
  #stopping = new AbortController();
  readonly #cleanups: (() => void)[] = [];
  #channel: BroadcastChannel | undefined;
  #leads = false;
  #paused = false;
  #streamState: StreamState = { connected: false, failures: 0, heardAt: Date.now() };
  #state: LiveState = { kind: "idle" };
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #reportTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveClientOptions) {
    this.#options = options;
    this.#stream = new LiveStream({
      url: options.url,
      onEvents: (events) => this.#spread(events),
      onState: (state) => this.#spreadState(state),
      onBegin: (topics) => this.#spreadBegin(topics),
      onUnauthorized: options.onUnauthorized,
    });
  }

  /** Listens from now on, until the returned function is called; may be started again then. */
  start(): () => void {
    this.#stopping = new AbortController();
    this.#channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(this.#options.name);
    this.#channel?.addEventListener("message", (message: MessageEvent<TabMessage>) => this.#hear(message.data));
    this.#channel?.postMessage({ type: "who" } satisfies TabMessage);
    const report = setInterval(() => this.#report(), TAB_REPORT_MS);
    const poll = setInterval(() => this.#poll(), POLL_MS);
    const onVisibility = () => this.#report();
    const onHide = () => this.#channel?.postMessage({ type: "bye", tab: this.#tab } satisfies TabMessage);
    document.addEventListener("visibilitychange", onVisibility);
    window.addEventListener("pagehide", onHide);
    this.#cleanups.push(
      () => clearInterval(report),
      () => clearInterval(poll),
      () => document.removeEventListener("visibilitychange", onVisibility),
      () => window.removeEventListener("pagehide", onHide),
    );
    this.#lead();
    this.#report();
    return () => this.stop();
  }

  stop(): void {
    this.#stopping.abort();
    this.#leads = false;
    this.#channel?.postMessage({ type: "bye", tab: this.#tab } satisfies TabMessage);
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    clearTimeout(this.#hiddenTimer);
    clearTimeout(this.#reportTimer);
    this.#stream.close();
    this.#channel?.close();
  }

  /** Tells the listener what comes under any of the topics, until the returned function is called. */
  subscribe(topics: readonly string[], listener: LiveListener): () => void {
    for (const topic of topics) {
      const listeners = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, listeners.add(listener));
    }
    this.#reportSoon();
    return () => {
      for (const topic of topics) {
        const listeners = this.#listeners.get(topic);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#listeners.delete(topic);
      }
      this.#reportSoon();
    };
  }

  readonly onState = (listener: () => void): (() => void) => {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  };
  readonly state = (): LiveState => this.#state;

  /** Of this tab: what comes meanwhile is passed over, and looked at anew on resume. */
  togglePause(): void {
    this.#paused = !this.#paused;
    this.#showState();
    if (!this.#paused) this.#options.onRefresh();
  }

  #lead(): void {
    const begin = () => {
      this.#leads = true;
      this.#channel?.postMessage({ type: "who" } satisfies TabMessage);
      this.#apply();
    };
    if (!("locks" in navigator) || !this.#channel) return begin();
    const { signal } = this.#stopping;
    navigator.locks
      .request(this.#options.name, { signal }, () => {
        begin();
        return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      })
      // Aborted by stop(): nothing is left to lead.
      .catch(() => undefined);
  }

  #hear(message: TabMessage): void {
    if (message.type === "tab") {
      this.#tabs.set(message.tab, { ...message, at: Date.now() });
      this.#apply();
    } else if (message.type === "bye") {
      this.#tabs.delete(message.tab);
      this.#apply();
    } else if (message.type === "who") {
      this.#report();
      if (this.#leads) this.#channel?.postMessage({ type: "state", state: this.#streamState } satisfies TabMessage);
    } else if (this.#leads) {
      // Without locks every tab leads itself: what another one's stream says is not ours.
    } else if (message.type === "events") this.#deliver(message.events);
    else if (message.type === "begin") this.#begin(message.topics);
    else this.#takeState(message.state);
  }

  /** Subscriptions come and go together while a page is built: one report for all of them. */
  #reportSoon(): void {
    this.#reportTimer ??= setTimeout(() => this.#report(), 30);
  }

  #report(): void {
    clearTimeout(this.#reportTimer);
    this.#reportTimer = undefined;
    const wish = { topics: [...this.#listeners.keys()], visible: document.visibilityState === "visible" };
    this.#tabs.set(this.#tab, { ...wish, at: Date.now() });
    this.#channel?.postMessage({ type: "tab", tab: this.#tab, ...wish } satisfies TabMessage);
    this.#apply();
    this.#showState();
  }

  /** As the leader: opens what the tabs want, and closes it half a minute after the last of them was hidden. */
  #apply(): void {
    if (!this.#leads) return;
    const tabs = this.#wantedTabs();
    const visible = tabs.some((tab) => tab.visible);
    if (visible) {
      clearTimeout(this.#hiddenTimer);
      this.#hiddenTimer = undefined;
      this.#stream.want(new Set(tabs.flatMap((tab) => tab.topics)));
    } else {
      this.#hiddenTimer ??= setTimeout(() => this.#stream.want(new Set()), HIDDEN_CLOSE_MS);
    }
  }

  #wantedTabs(): TabWish[] {
    const now = Date.now();
    for (const [tab, wish] of this.#tabs) if (now - wish.at > TAB_FORGOTTEN_MS) this.#tabs.delete(tab);
    // Without a lock this tab's stream is for itself alone.
    if ("locks" in navigator && this.#channel) return [...this.#tabs.values()];
    return [...this.#tabs].filter(([tab]) => tab === this.#tab).map(([, wish]) => wish);
  }

  #spread(events: readonly LiveEvent[]): void {
    if (this.#tabs.size > 1) this.#channel?.postMessage({ type: "events", events } satisfies TabMessage);
    this.#deliver(events);
  }

  #spreadBegin(topics: readonly string[]): void {
    this.#channel?.postMessage({ type: "begin", topics } satisfies TabMessage);
    this.#begin(topics);
  }

  #begin(topics: readonly string[]): void {
    // A page that is paused is looked at anew when it goes on.
    if (this.#paused) return;
    const listeners = new Set(topics.flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]));
    for (const listener of listeners) listener.onBegin?.();
  }

  #spreadState(state: StreamState): void {
    this.#channel?.postMessage({ type: "state", state } satisfies TabMessage);
    this.#takeState(state);
  }

  #takeState(state: StreamState): void {
    this.#streamState = state;
    this.#showState();
  }

  #deliver(events: readonly LiveEvent[]): void {
    if (this.#paused) return;
    if (events.some((event) => event.event === "resync")) this.#options.onRefresh();
    const batches = new Map<LiveListener, LiveEvent[]>();
    for (const event of events) {
      const listeners = new Set(
        topicsOf(event, this.#listeners).flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]),
      );
      for (const listener of listeners) {
        const batch = batches.get(listener);
        if (batch) batch.push(event);
        else batches.set(listener, [event]);
      }
    }
    for (const [listener, batch] of batches) listener.onEvents(batch);
  }

  /** The stream is down for good, it seems: ask instead, and keep trying. */
  #poll(): void {
    const down = !this.#streamState.connected && this.#streamState.failures >= FAILURES_BEFORE_POLLING;
    if (down && !this.#paused && document.visibilityState === "visible") this.#options.onRefresh();
  }

  #showState(): void {
    const next = this.#currentState();
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    for (const listener of this.#stateListeners) listener();
  }

  #currentState(): LiveState {
    if (this.#paused) return { kind: "paused" };
    if (this.#streamState.connected) return { kind: "live" };
    if (this.#listeners.size === 0) return { kind: "idle" };
    if (this.#streamState.failures >= FAILURES_BEFORE_POLLING)
      return { kind: "stale", since: this.#streamState.heardAt };
    return { kind: "reconnecting" };
  }
}

/** Under which topics an event comes: the stream names the event only. */
function topicsOf(event: LiveEvent, wanted: ReadonlyMap<string, unknown>): string[] {
  switch (event.event) {
    case "stats":
    case "attention":
      return ["stats"];
    case "worker":
      return ["workers"];
    case "queue":
      return ["queues"];
    case "tasks":
      return ["tasks"];
    case "task":
      return ["tasks", `task:${event.data.id}`];
    case "log":
      return [`log:${event.data.taskId}`, ...runTopics(wanted)];
    case "progress":
      // A part of a run reports under its own id: every open run page decides for itself.
      return [`task:${event.data.taskId}`, ...runTopics(wanted)];
    case "run":
      return [`run:${event.data.id}`];
    case "operation":
      return [`operation:${event.data.id}`];
    case "resync":
      return [];
  }
}

function runTopics(wanted: ReadonlyMap<string, unknown>): string[] {
  return [...wanted.keys()].filter((topic) => topic.startsWith("run:"));
}
