import { type Clock, systemClock } from "lovage/internal";
import type { LiveEventName, LiveEvents } from "../../api/live.js";
import type { LiveStreams } from "../parts.js";
import type { LiveEvent } from "./hide-payloads.js";
import { encodeEvent, LiveEntry } from "./live-entry.js";
import { LiveHistory, REPLAY_SECONDS } from "./live-history.js";
import { StreamClient, type StreamRequest } from "./stream-client.js";

/** Updates under one key go out this often. */
const COALESCE_SECONDS = 0.25;
/** Proxies cut connections that say nothing; a comment is something. */
const COMMENT_SECONDS = 15;

/** A topic that somebody listens to, or did a minute ago. */
interface Recording {
  listeners: number;
  /** Until when it goes on without a listener. */
  untilMs: number;
  /** The number at which it last was interrupted. */
  stoppedAt: number | undefined;
}

export interface SseHubOptions {
  /** @default the system's */
  readonly clock?: Clock;
  /** Open streams at most; one more ends the oldest. @default 1000 */
  readonly mostClients?: number;
}

/**
 * The open streams and what goes to them (`GET /api/v1/events`).
 *
 * - An event is encoded once for those who see payloads and once for those who do not, and the same buffers are written to all.
 * - Ids are `<number>.<instance>`. The number grows, also over restarts; the instance tells this hub's events from another console's,
 *   whose numbers mean nothing here.
 * - A topic is recorded from its first listener until a minute after its last. A client that comes back within that minute gets what it
 *   missed; any other one that asks for more than there is gets `resync`, and asks its lists anew.
 */
export class SseHub implements LiveStreams {
  readonly #clock: Clock;
  readonly #mostClients: number;
  readonly #clients = new Set<StreamClient>();
  readonly #topics = new Map<string, Recording>();
  /** Topics that are not in the map any more were not recorded from this number on at the latest. */
  #forgottenUpTo: number;
  /** The newest of each key, waiting for the next quarter of a second. */
  readonly #waiting = new Map<string, { readonly topic: string; readonly live: LiveEvent }>();
  readonly #instance: string;
  readonly #history: LiveHistory;
  #number: number;
  #cancelFlush: (() => void) | undefined;
  #cancelComment: (() => void) | undefined;
  #ended = false;

  constructor(options: SseHubOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#mostClients = options.mostClients ?? 1000;
    // Microseconds: no console publishes a million events a second, so the numbers of one started later are higher.
    this.#number = this.#clock.now().getTime() * 1000;
    this.#forgottenUpTo = this.#number - 1;
    this.#history = new LiveHistory(this.#number);
    this.#instance = String(1000 + Math.floor(Math.random() * 9000));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  hasListeners(topic: string): boolean {
    const recording = this.#topics.get(topic);
    return recording !== undefined && this.#goesOn(recording);
  }

  publish<E extends LiveEventName>(topic: string, event: E, data: LiveEvents[E], key?: string): void {
    if (this.#ended || !this.hasListeners(topic)) return;
    // The signature ties `data` to `event`; the compiler cannot follow that through a union.
    const live = { event, data } as LiveEvent;
    if (key === undefined) {
      this.#sendOut(topic, live);
      return;
    }
    const slot = `${topic}\u0000${event}\u0000${key}`;
    // Deleted first, so that it takes its place among the newest.
    this.#waiting.delete(slot);
    this.#waiting.set(slot, { topic, live });
    this.#cancelFlush ??= this.#clock.after(COALESCE_SECONDS, () => this.#flush(), { unref: true });
  }

  open(request: StreamRequest): void {
    if (this.#ended) {
      request.response.writeHead(503, { "retry-after": "5" }).end();
      return;
    }
    this.#makeRoom();
    const client = new StreamClient(request, () => this.#leave(client));
    const missed = this.#missedBy(request);
    this.#join(client);
    client.begin();
    client.write("retry: 2000\n\n");
    if (missed === undefined) client.write(this.#resync("more was missed than is kept"));
    else for (const entry of missed) client.send(entry);
    // An id without data: a browser that is cut off before its first event still knows where it was. After what was missed, so that one
    // that is cut off in between asks for the rest.
    client.write(`id: ${this.#idOf(this.#number)}\n\n`);
    client.onDrained(() => client.write(this.#resync("this connection was too slow")));
    this.#cancelComment ??= this.#clock.after(COMMENT_SECONDS, () => this.#comment(), { unref: true });
  }

  /** Ends the streams whose sessions, tokens or roles are no longer what they were. Called after every logout and change of users. */
  async endForbidden(): Promise<void> {
    await Promise.all(
      [...this.#clients].map(async (client) => {
        // A store that cannot be asked now says nothing about the user: the stream stays until it can.
        const allowed = await client.stillAllowed().catch(() => true);
        if (!allowed) client.end();
      }),
    );
  }

  /** Ends all streams; nothing is published any more. Idempotent. */
  stop(): void {
    this.#ended = true;
    this.#cancelFlush?.();
    this.#cancelComment?.();
    for (const client of this.#clients) client.end();
    this.#waiting.clear();
  }

  #flush(): void {
    this.#cancelFlush = undefined;
    const due = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { topic, live } of due) this.#sendOut(topic, live);
  }

  #sendOut(topic: string, live: LiveEvent): void {
    this.#number += 1;
    const entry = new LiveEntry({
      number: this.#number,
      id: this.#idOf(this.#number),
      topic,
      live,
      atMs: this.#clock.now().getTime(),
    });
    this.#history.add(entry);
    for (const client of this.#clients) if (client.topics.has(topic)) client.send(entry);
  }

  #comment(): void {
    this.#cancelComment = undefined;
    const nowMs = this.#clock.now().getTime();
    this.#history.expire(nowMs);
    this.#noteStopped();
    for (const client of this.#clients) client.write(": here\n\n");
    void this.endForbidden();
    if (this.#clients.size > 0 || this.#topics.size > 0) {
      this.#cancelComment = this.#clock.after(COMMENT_SECONDS, () => this.#comment(), { unref: true });
    }
  }

  /** What a returning client missed; nothing for a new one; undefined when not all of it is there. */
  #missedBy(request: StreamRequest): readonly LiveEntry[] | undefined {
    if (request.lastEventId === undefined || request.lastEventId === "") return [];
    const last = this.#numberOf(request.lastEventId);
    if (last === undefined) return undefined;
    this.#history.expire(this.#clock.now().getTime());
    if (request.topics.some((topic) => this.#pausedSince(topic, last))) return undefined;
    const topics = new Set(request.topics);
    return this.#history.since(last)?.filter((entry) => topics.has(entry.topic));
  }

  /**
   * Whether the topic was recorded at `last` or later, then not for a while: events were left unmade that the client would have got. A
   * topic that nobody had at `last` is new to this client, whose page has only just asked for the list.
   */
  #pausedSince(topic: string, last: number): boolean {
    const recording = this.#topics.get(topic);
    if (recording === undefined) return last <= this.#forgottenUpTo;
    const stoppedAt = this.#goesOn(recording) ? recording.stoppedAt : (recording.stoppedAt ?? this.#number);
    return stoppedAt !== undefined && stoppedAt >= last;
  }

  #goesOn(recording: Recording): boolean {
    return recording.listeners > 0 || recording.untilMs > this.#clock.now().getTime();
  }

  #join(client: StreamClient): void {
    this.#clients.add(client);
    for (const topic of client.topics) {
      const recording = this.#topics.get(topic);
      if (recording === undefined) this.#topics.set(topic, { listeners: 1, untilMs: 0, stoppedAt: undefined });
      else {
        if (!this.#goesOn(recording)) recording.stoppedAt = this.#number;
        recording.listeners += 1;
      }
    }
  }

  #leave(client: StreamClient): void {
    if (!this.#clients.delete(client)) return;
    for (const topic of client.topics) {
      const recording = this.#topics.get(topic);
      if (recording === undefined) continue;
      recording.listeners -= 1;
      recording.untilMs = this.#clock.now().getTime() + REPLAY_SECONDS * 1000;
    }
  }

  /** Forgets topics that nobody has asked for in the last minute: there is one for each task that was ever looked at. */
  #noteStopped(): void {
    for (const [topic, recording] of this.#topics) {
      if (this.#goesOn(recording)) continue;
      this.#topics.delete(topic);
      this.#forgottenUpTo = this.#number;
    }
  }

  #makeRoom(): void {
    if (this.#clients.size < this.#mostClients) return;
    for (const oldest of this.#clients) {
      oldest.end();
      this.#leave(oldest);
      return;
    }
  }

  #resync(reason: string): Buffer {
    return encodeEvent(this.#idOf(this.#number), "resync", { reason });
  }

  #idOf(number: number): string {
    return `${number}.${this.#instance}`;
  }

  #numberOf(id: string): number | undefined {
    const [number, instance] = id.split(".");
    if (instance !== this.#instance || number === undefined || !/^\d{1,16}$/.test(number)) return undefined;
    const value = Number(number);
    return value <= this.#number ? value : undefined;
  }
}
