import type { TaskNews } from "./task-news.js";

/** News with the instant it was heard, in Unix milliseconds of this host. */
export interface HeardNews {
  readonly news: TaskNews;
  readonly heardMs: number;
  /** Its place among all that were heard; set by the inbox. */
  readonly number?: number;
  /** Its event as it came, for those who count. */
  readonly event: {
    readonly type: string;
    readonly hostname: string;
    readonly timestamp: number;
    readonly fields: Readonly<Record<string, unknown>>;
  };
}

interface Waiting extends HeardNews {
  readonly size: number;
}

export interface InboxLimits {
  /** News that wait at most. */
  readonly count: number;
  /** Characters of text in them at most. */
  readonly characters: number;
}

/** Bounds memory: about 100 MB of events at most. */
export const INBOX_LIMITS: InboxLimits = { count: 100_000, characters: 32 * 1024 * 1024 };

/** News that wait to be written. Bounded: when it is full, the oldest go. */
export class NewsInbox {
  readonly #limits: InboxLimits;
  readonly #onDrop: (dropped: HeardNews) => void;
  #items: Waiting[] = [];
  /** Items before this one are taken: cheaper than shifting an array of a hundred thousand. */
  #head = 0;
  #characters = 0;
  #last = 0;

  constructor(onDrop: (dropped: HeardNews) => void, limits: InboxLimits = INBOX_LIMITS) {
    this.#onDrop = onDrop;
    this.#limits = limits;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }
  /** When the oldest that waits was heard. */
  get oldestMs(): number | undefined {
    return this.#items[this.#head]?.heardMs;
  }

  push(heard: HeardNews): void {
    this.#last += 1;
    const size = sizeOf(heard.news);
    this.#items.push({ ...heard, number: this.#last, size });
    this.#characters += size;
    while (this.size > this.#limits.count || (this.#characters > this.#limits.characters && this.size > 1)) {
      const dropped = this.#shift();
      if (dropped) this.#onDrop(dropped);
    }
  }

  /** The oldest, at most `count`. */
  take(count: number): readonly HeardNews[] {
    const taken: HeardNews[] = [];
    while (taken.length < count) {
      const next = this.#shift();
      if (!next) break;
      taken.push(next);
    }
    return taken;
  }

  /** Puts back what was taken last: it comes first again. */
  putBack(taken: readonly HeardNews[]): void {
    const items = taken.map((heard) => ({ ...heard, size: sizeOf(heard.news) }));
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
    for (const { size } of items) this.#characters += size;
  }

  /** A look at what came after `number`; it stays. */
  after(number: number): readonly HeardNews[] {
    const waiting = this.size;
    const fresh = Math.min(waiting, this.#last - number);
    return fresh <= 0 ? [] : this.#items.slice(-fresh);
  }

  /** Lets go of what was heard before `ms`: a standby keeps the last moments only. */
  forgetBefore(ms: number): void {
    while ((this.oldestMs ?? ms) < ms) this.#shift();
  }

  #shift(): HeardNews | undefined {
    const item = this.#items[this.#head];
    if (!item) return undefined;
    this.#head += 1;
    this.#characters -= item.size;
    if (this.#head > 1000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Characters that news hold, roughly: whatever texts there are in them, since strangers choose which are long. */
function sizeOf({ fieldsJson, facts, log }: TaskNews): number {
  return 300 + (fieldsJson?.length ?? 0) + textsIn(facts) + textsIn(log);
}

function textsIn(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let characters = 0;
  for (const each of Object.values(value)) characters += textsIn(each);
  return characters;
}
