/**
 * The way back through a list of which each page knows only the next: the cursor before each cursor that was gone to. By cursor, and not
 * as a stack, so that the browser's own Back and Forward do not confuse it. `undefined` is the first page.
 */
export class PageTrail {
  readonly #before = new Map<string, string | undefined>();

  /** Somebody goes on from one page to the next. */
  go(from: string | undefined, to: string): void {
    this.#before.set(to, from);
  }
  /** Whether the page before this one is known. */
  knows(cursor: string | undefined): boolean {
    return cursor !== undefined && this.#before.has(cursor);
  }
  before(cursor: string): string | undefined {
    return this.#before.get(cursor);
  }
}
