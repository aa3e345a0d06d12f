import { setImmediate } from "node:timers/promises";
import type { Logger, Lovage } from "lovage";
import { DEAD_LETTER_QUEUE, type DeadLetter, DeadLetters } from "lovage/internal";
import type { DeadLetterFilter } from "../../api/queues.js";
import { askBroker, errorText } from "./broker-access.js";
import { type TaskNames, taskNames } from "./message-view.js";

/** Dead letters that are looked through, and bytes of them that are held for it. */
export const MAX_LETTERS = 5000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Letters of one question, where looking leaves the queue as it is. */
const PAGE = 200;
/** Where looking takes the messages for a moment, it is done once and not for all: others find them missing meanwhile. */
const MAX_DISTURBED = 1000;
/** Letters whose names are read without a pause. */
const NAMED_AT_ONCE = 50;
/** Seconds for looking through all. */
const SCAN_SECONDS = 20;
/** Milliseconds for which a look serves all who ask. */
const FRESH_MS = 2000;
/** Milliseconds between two looks for the counts alone. */
const FOLLOW_MS = 30_000;

export interface DeadLetterBookOptions {
  readonly app: Lovage;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** A dead letter with what its message calls itself: read once, for that may mean to decode its body. */
export interface ScannedLetter extends DeadLetter {
  readonly names: TaskNames;
}

/** What was found in the dead letters. */
export interface LetterScan {
  readonly atMs: number;
  readonly letters: readonly ScannedLetter[];
  /** As the broker counts them; more than `letters` when there are too many to look through. */
  readonly total: number;
}

export interface DeadLetterCount {
  /** Where it died. */
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
}

const EMPTY: LetterScan = { atMs: 0, letters: [], total: 0 };

/** The dead letters: looked through when somebody asks, or when their number changes, and shared by all. */
export class DeadLetterBook {
  readonly #options: DeadLetterBookOptions;
  #scan = EMPTY;
  #scanning: Promise<LetterScan> | undefined;
  #counts: readonly DeadLetterCount[] = [];
  #total = 0;

  constructor(options: DeadLetterBookOptions) {
    this.#options = options;
  }

  /** As of the last look: how many died in which queue, and why. */
  get counts(): readonly DeadLetterCount[] {
    return this.#counts;
  }
  /** How many there are, those not looked through included. */
  get total(): number {
    return this.#total;
  }
  countOf(queue: string): number {
    return this.#counts.reduce((sum, each) => (each.queue === queue ? sum + each.count : sum), 0);
  }
  get byQueue(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { queue, count } of this.#counts) sums.set(queue, (sums.get(queue) ?? 0) + count);
    return sums;
  }

  /** All letters, as of two seconds ago at most. Rejects with a `BrokerError`. */
  async scan(): Promise<LetterScan> {
    if (this.#options.now().getTime() - this.#scan.atMs < FRESH_MS) return this.#scan;
    return await this.scanNow();
  }

  /** All letters as they are. Everybody who asks meanwhile waits for the same look. */
  scanNow(): Promise<LetterScan> {
    this.#scanning ??= this.#look().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  /** Told how many there are at each sample, it looks again when that has changed. Never rejects. */
  async follow(total: number, peek: "clean" | "disturbs"): Promise<void> {
    const { logger, now } = this.#options;
    const changed = total !== this.#total;
    this.#total = total;
    if (total === 0) {
      this.#counts = [];
      return;
    }
    const age = now().getTime() - this.#scan.atMs;
    if (!changed && (peek === "disturbs" || age < FOLLOW_MS)) return;
    if (peek === "disturbs" && age < FOLLOW_MS) return;
    await this.scanNow().catch((error: unknown) => {
      logger.warn("the dead letters cannot be looked through", { error: errorText(error) });
    });
  }

  /** What was known is out of date. */
  forget(): void {
    this.#scan = { ...this.#scan, atMs: 0 };
  }

  async #look(): Promise<LetterScan> {
    const { letters, total } = await askBroker(
      this.#options.app,
      "its dead letters",
      async (broker) => {
        const counts = await broker.queues.counts(DEAD_LETTER_QUEUE.name);
        if (!counts || counts.ready === 0) return { letters: [], total: 0 };
        const book = new DeadLetters(broker);
        const found =
          broker.capabilities.peek === "clean" ? await readPages(book) : await book.list({ limit: MAX_DISTURBED });
        return { letters: found, total: Math.max(counts.ready, found.length) };
      },
      SCAN_SECONDS,
    );
    const named = await withNames(letters, this.#scan.letters);
    this.#scan = { atMs: this.#options.now().getTime(), letters: named, total };
    this.#counts = countedBy(letters);
    this.#total = total;
    return this.#scan;
  }
}

async function readPages(book: DeadLetters): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  let bytes = 0;
  while (letters.length < MAX_LETTERS && bytes < MAX_BYTES) {
    const page = await book.list({ limit: PAGE, offset: letters.length });
    letters.push(...page);
    bytes += page.reduce((sum, { message }) => sum + message.body.byteLength, 0);
    if (page.length < PAGE) break;
  }
  return letters;
}

/** Those that were there at the last look keep their names. */
async function withNames(letters: readonly DeadLetter[], known: readonly ScannedLetter[]): Promise<ScannedLetter[]> {
  const before = new Map(known.map((letter) => [letter.key, letter]));
  const named: ScannedLetter[] = [];
  for (const [at, letter] of letters.entries()) {
    const same = before.get(letter.key);
    const isKnown = same?.message.body.byteLength === letter.message.body.byteLength;
    named.push({ ...letter, names: same && isKnown ? same.names : taskNames(letter.message) });
    // Others have their turn: bodies of strangers may take their time.
    if (at % NAMED_AT_ONCE === NAMED_AT_ONCE - 1) await setImmediate();
  }
  return named;
}

function countedBy(letters: readonly DeadLetter[]): DeadLetterCount[] {
  const counts = new Map<string, DeadLetterCount>();
  for (const { death } of letters) {
    const key = JSON.stringify([death.queue, death.reason]);
    counts.set(key, { queue: death.queue, reason: death.reason, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** Whether a letter is one of those that a person asked for. */
export function matchesLetter({ names: { id, task }, death }: ScannedLetter, filter: DeadLetterFilter): boolean {
  const is = (asked: string | undefined, found: string | null): boolean => asked === undefined || asked === found;
  if (!is(filter.task, task) || !is(filter.queue, death.queue)) return false;
  if (!is(filter.reason, death.reason) || !is(filter.worker, death.worker)) return false;
  const q = filter.q?.trim().toLowerCase();
  if (!q) return true;
  return [id, task, death.queue, death.reason, death.worker, death.error].some((text) =>
    text?.toLowerCase().includes(q),
  );
}
