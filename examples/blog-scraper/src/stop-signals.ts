/** How a signal ends a program: 128 and its number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** npm hands a Ctrl-C on that the terminal has delivered already; what comes this soon after is the same one. */
const SAME_PRESS_MS = 700;

/** Where signals come from: `process`, or a stand-in. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
}

/** Listens for Ctrl-C and SIGTERM: the first asks to end in good order (`first`), a second one to end at once (`second`). */
export class StopSignals {
  readonly #source: SignalSource;
  readonly #nowMs: () => number;
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  #firstAtMs = 0;
  #exitCode: number | undefined;

  constructor(source: SignalSource, nowMs: () => number = () => performance.now()) {
    this.#source = source;
    this.#nowMs = nowMs;
    source.on("SIGINT", this.#receive);
    source.on("SIGTERM", this.#receive);
  }

  get first(): AbortSignal {
    return this.#first.signal;
  }
  get second(): AbortSignal {
    return this.#second.signal;
  }
  /** The exit code of a program ended by the first signal; `undefined` while there was none. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Lets signals do again what they do by default. */
  close(): void {
    this.#source.off("SIGINT", this.#receive);
    this.#source.off("SIGTERM", this.#receive);
  }

  readonly #receive = (signal: StopSignal): void => {
    if (!this.#first.signal.aborted) {
      this.#exitCode = EXIT_CODES[signal];
      this.#firstAtMs = this.#nowMs();
      this.#first.abort(new Error(`stopped by ${signal}`));
    } else if (this.#nowMs() - this.#firstAtMs > SAME_PRESS_MS) {
      this.#second.abort(new Error(`stopped by a second ${signal}`));
    }
  };
}
