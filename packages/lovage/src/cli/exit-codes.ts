/** How `lovage` ends, after BSD's sysexits where it has a code. docs/cli.md tells what to do about each. */
export const EXIT = {
  ok: 0,
  /** The task failed, a worker refused, or something unforeseen happened. */
  failure: 1,
  /** The command line is wrong. EX_USAGE. */
  usage: 64,
  /** The broker or the result backend cannot be reached, or no worker answered. EX_UNAVAILABLE. */
  unavailable: 69,
  /** The wait was over before the task. EX_TEMPFAIL. */
  timeout: 75,
  /** The app, or its settings, are wrong. EX_CONFIG. */
  configuration: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message on standard error and this code. */
export class CommandFailed extends Error {
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line says something that cannot be meant. */
export function usageError(message: string): CommandFailed {
  return new CommandFailed(message, EXIT.usage);
}
