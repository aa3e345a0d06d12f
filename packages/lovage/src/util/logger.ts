/** Where Lovage writes what it does. pino, winston's and console's loggers can all be put behind it in a line each. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const ignore = (): void => undefined;
/** Says nothing: the default of libraries and clients. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
