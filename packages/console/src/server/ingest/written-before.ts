import type { TaskStore } from "../store/task-store.js";
import { LEASE_SECONDS } from "./ingest-lease.js";
import type { HeardNews } from "./news-inbox.js";

/** Tasks that are asked for at once. */
const AT_ONCE = 50;
/** Lines of one task's log that are looked at. */
const MOST_LINES = 5_000;

type Reader = Pick<TaskStore, "events" | "logs">;

/**
 * Which news the console that wrote before has written already. It says up to when all is written with each sign of life only, and goes on
 * writing after its last one for less than a lease lasts: what was heard in that time may be in the store or not.
 */
export class WrittenBefore {
  readonly #tasks: Reader;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(tasks: Reader) {
    this.#tasks = tasks;
  }

  /** The lease was taken over from a console that had written all up to `heardMs`. */
  takenOver(heardMs: number): void {
    this.#untilMs = heardMs + LEASE_SECONDS * 1000;
  }

  /** The news without those that are in the store. Rejects with a `StoreError`. */
  async notWritten(news: readonly HeardNews[]): Promise<readonly HeardNews[]> {
    const inDoubt = news.filter(({ heardMs }) => heardMs <= this.#untilMs);
    if (inDoubt.length === 0) return news;
    const written = await this.#written([...new Set(inDoubt.map((each) => each.news.id))]);
    return news.filter((each) => !(each.heardMs <= this.#untilMs && takeOne(written, keyOf(each))));
  }

  /** How often each is there. */
  async #written(ids: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      for (const keys of await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => this.#keysOf(id))))
        for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  async #keysOf(id: string): Promise<readonly string[]> {
    const [events, logs] = await Promise.all([
      this.#tasks.events(id),
      this.#tasks.logs(id, { afterSeq: 0, limit: MOST_LINES }),
    ]);
    return [
      ...events.map(({ type, atMs, worker, clock }) => key(id, type, atMs, worker, clock)),
      ...logs.map(({ atMs, worker, message }) => key(id, "line", atMs, worker ?? "", message)),
    ];
  }
}

/** Undefined for what leaves no trace of its own: to merge it again changes nothing. */
function keyOf({ news }: HeardNews): string | undefined {
  const { id, type, atMs, host, clock, fieldsJson, log } = news;
  if (log) return key(id, "line", atMs, host, log.message);
  return fieldsJson === undefined ? undefined : key(id, type, atMs, host, clock);
}

function key(id: string, what: string, atMs: number, worker: string, more: string | number): string {
  return JSON.stringify([id, what, Math.floor(atMs), worker, more]);
}

function takeOne(counts: Map<string, number>, wanted: string | undefined): boolean {
  const left = wanted === undefined ? 0 : (counts.get(wanted) ?? 0);
  if (wanted === undefined || left === 0) return false;
  counts.set(wanted, left - 1);
  return true;
}
