import type { ParentMessage } from "./messages.js";

/** A process or thread that runs tasks, seen from the worker. `process-carrier.ts` and `thread-carrier.ts` are the two kinds. */
export interface Carrier {
  /** The worker's own for a thread. */
  readonly pid: number;
  readonly threadId: number | null;
  /** Does nothing when the process or thread is gone. */
  post(message: ParentMessage): void;
  /** A process gets the signal; a thread is ended whatever the signal. User code cannot prevent SIGKILL. */
  kill(signal: NodeJS.Signals): void;
}

export interface CarrierEvents {
  /** Anything at all: user code can reach the channel. */
  onMessage(value: unknown): void;
  /** A line of what the process or thread wrote. */
  onOutput(stream: "stdout" | "stderr", line: string): void;
  /** It is gone, and all that it sent has been handed over. Last, and once. */
  onExit(exit: CarrierExit): void;
}

export interface CarrierExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** What ended a thread, or kept a process from starting. */
  readonly error: Error | null;
}

export type OpenCarrier = (events: CarrierEvents) => Carrier;

/** The module that a child runs: `child-main` beside this file. */
export function childEntry(): URL {
  return new URL(runsFromSource() ? "./child-main.ts" : "./child-main.js", import.meta.url);
}

/** The library's own sources run as they are, as in its tests: children then need tsx from their first line. */
export function runsFromSource(): boolean {
  return import.meta.url.endsWith(".ts");
}
