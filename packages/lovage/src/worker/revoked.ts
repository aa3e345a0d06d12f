import type { Clock } from "../util/clock.js";

/** Celery's bounds. Source: celery-protocol 7.6. */
const LIMIT = 50_000;
const LIFETIME = 10_800;

/** Ids of tasks that must not run. Bounded in number and in time: the oldest are forgotten first. */
export class Revoked {
  readonly #clock: Clock;
  /** Id → when it was added, on the monotonic clock; in order of addition. */
  readonly #ids = new Map<string, number>();
  /** The same for stamps, each as the JSON text of `[name, value]`. */
  readonly #stamps = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: string): void {
    this.#remember(this.#ids, id);
  }

  /** Revokes all tasks that carry the stamp `name` with this value. */
  addStamp(name: string, value: string): void {
    this.#remember(this.#stamps, JSON.stringify([name, value]));
  }

  has(id: string): boolean {
    return this.#holds(this.#ids, id);
  }

  /** Whether a task must not run, for its id or for one of its stamps: a value or a list of values each. */
  covers({ id, stamps }: { readonly id: string; readonly stamps: Readonly<Record<string, unknown>> }): boolean {
    if (this.has(id)) return true;
    if (this.#stamps.size === 0) return false;
    return Object.entries(stamps).some(([name, stamp]) => {
      const values: readonly unknown[] = Array.isArray(stamp) ? stamp : [stamp];
      return values.some((value) => this.#holds(this.#stamps, JSON.stringify([name, String(value)])));
    });
  }

  list(): string[] {
    this.#forgetOld(this.#ids);
    return [...this.#ids.keys()];
  }

  #remember(entries: Map<string, number>, key: string): void {
    entries.delete(key);
    entries.set(key, this.#clock.monotonic());
    this.#forgetOld(entries);
  }

  #holds(entries: ReadonlyMap<string, number>, key: string): boolean {
    const added = entries.get(key);
    return added !== undefined && this.#clock.monotonic() - added < LIFETIME;
  }

  #forgetOld(entries: Map<string, number>): void {
    const oldest = this.#clock.monotonic() - LIFETIME;
    for (const [key, added] of entries) {
      if (entries.size <= LIMIT && added > oldest) return;
      entries.delete(key);
    }
  }
}
