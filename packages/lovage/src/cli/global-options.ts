import { type Command, InvalidArgumentError, Option } from "commander";
import { LOG_LEVELS, type LogLevel } from "../util/logger.js";

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  /** Module of the app, `path` or `path#export`. */
  readonly app?: string;
  readonly broker?: string;
  /** `none` switches results off. */
  readonly resultBackend?: string;
  readonly loglevel: LogLevel;
  readonly json?: boolean;
}

export function addGlobalOptions(program: Command): Command {
  return program
    .option("-A, --app <module>", "module that exports the app: a path, or path#export")
    .option("-b, --broker <url>", "broker, instead of the app's brokerUrl")
    .option("--result-backend <url>", "result backend, instead of the app's; none for no results")
    .addOption(
      new Option("-l, --loglevel <level>", `least level that is logged: ${LOG_LEVELS.join(", ")}`)
        .default("info", "info")
        .argParser(parseLogLevel),
    )
    .option("--json", "print JSON, for scripts");
}

/** All options of a command, its own and the global ones. The names and types are those declared beside it. */
export function optionsOf<Own extends object>(command: Command): GlobalOptions & Own {
  return command.optsWithGlobals<GlobalOptions & Own>();
}

function parseLogLevel(text: string): LogLevel {
  // Celery's names too.
  const asked = text
    .toLowerCase()
    .replace(/^warning$/, "warn")
    .replace(/^(critical|fatal)$/, "error");
  const level = LOG_LEVELS.find((each) => each === asked);
  if (level) return level;
  throw new InvalidArgumentError(`It is one of ${LOG_LEVELS.join(", ")}.`);
}

/** Seconds, 0 or more. */
export function parseSeconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("It is a number of seconds, 0 or more.");
}

/** A whole number from 1 on. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("It is a whole number from 1 on.");
}

/** A TCP port; 0 takes any that is free. */
export function parsePort(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("It is a port from 0 to 65535.");
}

/** Names separated by commas, gathered over all uses of the option. */
export function collectNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  if (names.length === 0) throw new InvalidArgumentError("It is a name, or several with commas between.");
  return [...before, ...names];
}

/** JSON of one kind, as text on the command line. */
export function parseJsonArray(text: string): readonly unknown[] {
  const value = parseJson(text);
  if (Array.isArray(value)) return value;
  throw new InvalidArgumentError("It is a JSON array, as in '[2, 3]'.");
}
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new InvalidArgumentError(`It is a JSON object, as in '{"url": "https://example.com"}'.`);
}
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`It is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** An instant, ISO 8601 with an offset or in this machine's zone. */
export function parseInstantOption(text: string): Date {
  const at = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError("It is an ISO 8601 instant, as in 2026-12-24T18:00:00Z.");
}
