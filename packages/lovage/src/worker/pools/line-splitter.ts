/** Characters a line may have: more is a stream that is not lines at all. */
const LONGEST_LINE = 2 ** 28;

/** Cuts a stream of text into lines. A long line that comes in many pieces is joined once, at its end. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #longest: number;
  #pieces: string[] = [];
  #held = 0;

  constructor(onLine: (line: string) => void, longest = LONGEST_LINE) {
    this.#onLine = onLine;
    this.#longest = longest;
  }

  /** Throws a `RangeError` when a line gets too long. */
  push(chunk: string): void {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      this.#onLine(this.#take(chunk.slice(from, end)));
      from = end + 1;
    }
    if (from === chunk.length) return;
    const rest = from === 0 ? chunk : chunk.slice(from);
    this.#held += rest.length;
    if (this.#held > this.#longest) throw new RangeError(`a line of more than ${this.#longest} characters`);
    this.#pieces.push(rest);
  }

  /** Hands over what came after the last line end, if anything. */
  end(): void {
    if (this.#held > 0) this.#onLine(this.#take(""));
  }

  #take(last: string): string {
    if (this.#held === 0) return last;
    const line = this.#pieces.join("") + last;
    this.#pieces = [];
    this.#held = 0;
    return line;
  }
}
