import type { Message } from "../../protocol/message.js";
import type { QueueCounts } from "../broker.js";

/** A message where it stands. */
export interface Entry {
  readonly id: number;
  readonly message: Message;
  readonly exchange: string;
  readonly routingKey: string;
  /** 0 is the most urgent. */
  readonly urgency: number;
  readonly publishedMs: number;
  /** Order within an urgency. */
  position: number;
  readySinceMs: number;
  dueMs: number | undefined;
  deliveries: number;
  begun: number;
}

/** One queue: entries ready in order, waiting for their ETA, or held. */
export class MemoryQueue {
  readonly name: string;
  readonly maxPriority: number | undefined;
  /** By urgency, each in order of position. */
  readonly #ready = new Map<number, Entry[]>();
  readonly scheduled = new Set<Entry>();
  readonly held = new Set<Entry>();
  consumers = 0;

  constructor(name: string, maxPriority: number | undefined) {
    this.name = name;
    this.maxPriority = maxPriority;
  }

  urgencyOf(priority: number | undefined): number {
    return this.maxPriority === undefined
      ? 9
      : 9 - Math.max(0, Math.min(this.maxPriority, Math.trunc(priority ?? 0) || 0));
  }

  /** Puts an entry where its position belongs: at the end, or for one given back, ahead of what came later. */
  makeReady(entry: Entry): void {
    const line = this.#ready.get(entry.urgency) ?? [];
    this.#ready.set(entry.urgency, line);
    let at = line.length;
    while (at > 0 && (line[at - 1]?.position ?? 0) > entry.position) at--;
    line.splice(at, 0, entry);
  }

  /** Takes the first entry, if there is one. */
  takeFirst(): Entry | undefined {
    for (const urgency of [...this.#ready.keys()].sort((a, b) => a - b)) {
      const entry = this.#ready.get(urgency)?.shift();
      if (entry) return entry;
      this.#ready.delete(urgency);
    }
    return undefined;
  }

  /** Takes an entry out of turn, ready or scheduled. */
  takeById(id: number): Entry | undefined {
    for (const line of this.#ready.values()) {
      const at = line.findIndex((entry) => entry.id === id);
      if (at >= 0) return line.splice(at, 1)[0];
    }
    const scheduled = [...this.scheduled].find((entry) => entry.id === id);
    if (scheduled) this.scheduled.delete(scheduled);
    return scheduled;
  }

  /** Ready entries in the order they would be handed out. */
  ready(): Entry[] {
    return [...this.#ready.entries()].sort(([a], [b]) => a - b).flatMap(([, line]) => line);
  }

  purge(): number {
    const gone = this.ready().length + this.scheduled.size;
    this.#ready.clear();
    this.scheduled.clear();
    return gone;
  }

  /** Drops everything, held messages too: their holders will find that they have lost them. */
  removeAll(): void {
    this.purge();
    this.held.clear();
  }

  counts(): QueueCounts {
    const ready = this.ready();
    // Not Math.min(...): there may be more of them than a call takes arguments.
    const sinceMs = ready.reduce(
      (oldest, { readySinceMs }) => Math.min(oldest, readySinceMs),
      Number.POSITIVE_INFINITY,
    );
    const oldest = ready.length > 0 ? new Date(sinceMs) : undefined;
    return {
      ready: ready.length,
      unacked: this.held.size,
      scheduled: this.scheduled.size,
      oldest,
      consumers: this.consumers,
    };
  }
}
