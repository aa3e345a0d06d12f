import { styleText } from "node:util";
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import type { Logger, LogLevel } from "./util/logger.js";
import { printable } from "./util/printable.js";
import { maskSecrets, maskUrls } from "./util/secrets.js";

export interface LoggerOptions {
  /** The least level that is written. @default "info" */
  readonly level?: LogLevel;
  /** Lines for people (true) or JSON lines for programs. @default whether `destination` is a terminal */
  readonly pretty?: boolean;
  /** Colours in lines for people. @default whether `destination` is a terminal that has them, and NO_COLOR is not set */
  readonly colors?: boolean;
  /** @default standard error */
  readonly destination?: NodeJS.WritableStream;
}

/**
 * A logger for programs: readable lines on a terminal, JSON lines (`level`, `time`, `msg`, fields) elsewhere.
 * Values under secret names and passwords in URLs are masked in both.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", destination = process.stderr } = options;
  const terminal = isTerminal(destination);
  const asLines = options.pretty ?? terminal;
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    asLines ? lineStream(destination, options.colors ?? hasColors(destination)) : jsonStream(destination),
  );
  return {
    debug: writer(log, "debug"),
    info: writer(log, "info"),
    warn: writer(log, "warn"),
    error: writer(log, "error"),
  };
}

function writer(log: PinoLogger, level: LogLevel): Logger["info"] {
  return (message, fields) => {
    if (!log.isLevelEnabled(level)) return;
    log[level](fields ? maskSecrets(fields) : {}, maskUrls(message));
  };
}

/** The stream itself writes in order and waits for nobody: a reader that is slow must not hold up the worker. */
function jsonStream(destination: NodeJS.WritableStream): DestinationStream {
  return { write: (line) => void destination.write(line) };
}

function lineStream(destination: NodeJS.WritableStream, colors: boolean): DestinationStream {
  return pretty({
    destination,
    sync: true,
    // The line brings its own.
    colorize: false,
    hideObject: true,
    // Time and level are part of the line that `logLine` writes.
    ignore: "time,level",
    messageFormat: (record) => logLine(record, colors),
  });
}

function isTerminal(stream: NodeJS.WritableStream): boolean {
  return "isTTY" in stream && stream.isTTY === true;
}

/** A terminal that has colours, where NO_COLOR does not forbid them. */
function hasColors(stream: NodeJS.WritableStream): boolean {
  return "hasColors" in stream && typeof stream.hasColors === "function" && stream.hasColors() === true;
}

const LEVEL_COLORS = { DEBUG: "gray", INFO: "green", WARN: "yellow", ERROR: "red" } as const;

/** Celery's line, `[2026-11-21 10:00:00,123: INFO] message key=value`; a traceback follows on lines of its own. */
function logLine(record: Readonly<Record<string, unknown>>, colors: boolean): string {
  const { level, time, msg, traceback, ...fields } = record;
  const message = printable(String(msg));
  const label = String(level).toUpperCase();
  const color = Object.entries(LEVEL_COLORS).find(([name]) => name === label)?.[1] ?? "gray";
  const head = `[${localTime(String(time))}: ${label}]`;
  const rest = Object.entries(fields).filter(([, value]) => value !== undefined);
  const tail = rest.map(([name, value]) => ` ${name}=${shownField(value)}`).join("");
  const trace = typeof traceback === "string" && traceback !== "" ? `\n${traceback}` : "";
  if (!colors) return `${head} ${message}${tail}${trace}`;
  return `${paint(color, head)} ${message}${tail === "" ? "" : paint("gray", tail)}${trace}`;
}

function paint(color: (typeof LEVEL_COLORS)[keyof typeof LEVEL_COLORS], text: string): string {
  return styleText(color, text, { validateStream: false });
}

function shownField(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}

/** As Python's logging writes it, in this machine's time zone. */
function localTime(iso: string): string {
  const at = new Date(iso);
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const milliseconds = String(at.getMilliseconds()).padStart(3, "0");
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())},${milliseconds}`;
}
