import { BackendError, BrokerError, ConfigurationError, LovageError, ResultTimeoutError } from "../errors.js";
import { maskUrls } from "../util/secrets.js";
import { CommandFailed, EXIT, type ExitCode } from "./exit-codes.js";

export interface Failure {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** One line that says what is wrong, and the exit code; the stack too when asked for. */
export function describeFailure(error: unknown, options: { stack: boolean }): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = options.stack && error instanceof Error ? `\n${stacksOf(error)}` : "";
  const hint = options.stack || isForeseen(error) ? "" : " (--loglevel debug shows where)";
  const name = isForeseen(error) || !(error instanceof Error) ? "" : `${error.name}: `;
  return { text: maskUrls(`${name}${message}${hint}${stack}`), exitCode: exitCodeOf(error) };
}

function isForeseen(error: unknown): boolean {
  return error instanceof CommandFailed || error instanceof LovageError;
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof ConfigurationError) return EXIT.configuration;
  if (error instanceof BrokerError || error instanceof BackendError) return EXIT.unavailable;
  if (error instanceof ResultTimeoutError) return EXIT.timeout;
  return EXIT.failure;
}

function stacksOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stacksOf(error.cause)}` : own;
}
