import { setTimeout as wait } from "node:timers/promises";

/** Polls because what it waits for happens in other processes: there is no event to wait for. */
export async function until(
  done: () => boolean | Promise<boolean>,
  seconds: number,
  what: string | (() => string),
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await done())) {
    if (performance.now() > deadline)
      throw new Error(`${typeof what === "string" ? what : what()} did not happen within ${seconds} s`);
    await wait(everyMs);
  }
}
