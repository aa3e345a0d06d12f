import { constants } from "node:os";

/**
 * Signals that reach a whole process group, from a terminal's Ctrl-C or a service manager's stop. What they mean is the worker's to
 * decide: its child processes do not heed them.
 */
export const WORKERS_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"];

/** `TERM`, `sigterm` and `SIGTERM` are the same signal; one this system does not have counts as SIGTERM. */
export function signalNamed(name: string): NodeJS.Signals {
  const upper = name.toUpperCase();
  const full = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return isSignal(full) ? full : "SIGTERM";
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
