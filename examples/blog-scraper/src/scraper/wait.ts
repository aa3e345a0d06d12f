import { setTimeout as sleep } from "node:timers/promises";

/** Resolves after `seconds`; rejects with the signal's reason as soon as it is aborted. */
export async function wait(seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (seconds <= 0) return;
  try {
    await sleep(seconds * 1000, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
