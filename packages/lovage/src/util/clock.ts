/** Time and ids, in one place so that tests can hold them. */
export interface Clock {
  /** The present instant: to persist and to show. */
  now(): Date;
  /** Seconds on a clock that never jumps: only ever to subtract. It goes on while the process is stopped. */
  monotonic(): number;
  /** Calls `callback` after `seconds`; the returned function cancels. The timer does not keep the process alive when `unref`. */
  after(seconds: number, callback: () => void, options?: { unref?: boolean }): () => void;
}

/** setTimeout's own limit; a longer wait is taken in pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now() / 1000,
  after(seconds, callback, options = {}) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, LONGEST_TIMER_MS);
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
      if (options.unref) timer.unref();
    };
    arm(Math.max(0, seconds * 1000));
    return () => clearTimeout(timer);
  },
};

/** Waits `seconds` on `clock`; rejects with the signal's reason when it aborts first. */
export function sleep(seconds: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(seconds, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
