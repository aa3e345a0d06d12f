import type { ChildProcess } from "node:child_process";
import { sleep } from "../../util/clock.js";

/** Seconds for what a process has written to arrive after its end. */
const LAST_WORDS = 1;

/**
 * Resolves when a process has ended, or could not be started, and what it wrote has been read. What it started itself may hold its pipes
 * open for as long as it likes: those are given up a second after its end.
 */
export async function processEnd(child: ChildProcess): Promise<void> {
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    // Other errors, as of a signal that could not be sent, are not its end.
    child.on("error", () => child.pid === undefined && resolve());
  });
  const waiting = new AbortController();
  await Promise.race([closed, sleep(LAST_WORDS, waiting.signal).catch(() => undefined)]);
  waiting.abort();
  child.stdout?.destroy();
  child.stderr?.destroy();
}
