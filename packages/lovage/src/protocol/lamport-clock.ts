/**
 * The logical clock that a process shares between its events and its remote control. Source: celery-protocol 1.3.
 */
export class LamportClock {
  #value: number;

  constructor(value = 0) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Adds one and returns the new value: before something is sent. */
  forward(): number {
    this.#value += 1;
    return this.#value;
  }

  /** Steps past what another process sent. What is not a sane clock value counts as no news. */
  adjust(other: unknown): number {
    const sane = typeof other === "number" && Number.isSafeInteger(other) && other >= 0 && other < LARGEST;
    this.#value = Math.max(this.#value, sane ? other : 0) + 1;
    return this.#value;
  }
}

/** No process counts this far; one that claims to would drive every clock to where adding one changes nothing. */
const LARGEST = 2 ** 52;
