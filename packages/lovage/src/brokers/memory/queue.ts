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

/** Entries in order of position. Taking the first one costs the same however many there are: shifting an array of 100,000 does not. */
class Line {
  #entries: Entry[] = [];
  /** Those before it are gone. */
  #head = 0;

  insert(entry: Entry): void {
    let at = this.#entries.length;
    while (at > this.#head && (this.#entries[at - 1]?.position ?? 0) > entry.position) at--;
    if (at === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
  }

  takeFirst(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (!entry) return undefined;
    this.#head++;
    if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  takeById(id: number): Entry | undefined {
    const at = this.#entries.findIndex((entry, index) => index >= this.#head && entry.id === id);
    return at < 0 ? undefined : this.#entries.splice(at, 1)[0];
  }

  entries(): Entry[] {
    return this.#entries.slice(this.#head);
  }
}

/** One queue: entries ready in order, waiting for their ETA, or held. */
export class MemoryQueue {
  readonly name: string;
  readonly maxPriority: number | undefined;
  /** By urgency, each in order of position. */
  readonly #ready = new Map<number, Line>();
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
    const line = this.#ready.get(entry.urgency) ?? new Line();
    this.#ready.set(entry.urgency, line);
    line.insert(entry);
  }

  /** Takes the first entry, if there is one. */
  takeFirst(): Entry | undefined {
    for (let urgency = 0; urgency <= 9; urgency++) {
      const entry = this.#ready.get(urgency)?.takeFirst();
      if (entry) return entry;
    }
    return undefined;
  }

  /** Takes an entry out of turn, ready or scheduled. */
  takeById(id: number): Entry | undefined {
    for (const line of this.#ready.values()) {
      const entry = line.takeById(id);
      if (entry) return entry;
    }
    const scheduled = [...this.scheduled].find((entry) => entry.id === id);
    if (scheduled) this.scheduled.delete(scheduled);
    return scheduled;
  }

  /** Ready entries in the order they would be handed out. */
  ready(): Entry[] {
    return [...this.#ready.entries()].sort(([a], [b]) => a - b).flatMap(([, line]) => line.entries());
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
