/** Names that were used lately, so many at most: the place of one that nobody has used for long is given to the next. */
export class RecentNames {
  readonly #most: number;
  readonly #keptMs: number;
  /** Name → when it was used last; the longest unused first. */
  readonly #usedMs = new Map<string, number>();

  /** @param options.keptMs milliseconds after which a name without use may lose its place */
  constructor(options: { readonly most: number; readonly keptMs: number }) {
    this.#most = options.most;
    this.#keptMs = options.keptMs;
  }

  /** Whether the name has a place, or gets one now. */
  has(name: string, nowMs: number): boolean {
    if (!this.#usedMs.delete(name) && this.#usedMs.size >= this.#most && !this.#forgetOne(nowMs)) return false;
    this.#usedMs.set(name, nowMs);
    return true;
  }

  #forgetOne(nowMs: number): boolean {
    for (const [name, usedMs] of this.#usedMs) return nowMs - usedMs >= this.#keptMs && this.#usedMs.delete(name);
    return false;
  }
}
