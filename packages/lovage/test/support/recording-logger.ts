import type { Logger, LogLevel } from "../../src/util/logger.js";

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines, and can be waited on for one. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];
  readonly #watchers = new Set<(line: LogLine) => void>();

  debug = this.#at("debug");
  info = this.#at("info");
  warn = this.#at("warn");
  error = this.#at("error");

  /** Resolves with the first line, written already or yet to come, that `matches`. */
  async line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const known = this.lines.find(matches);
    if (known) return known;
    return await new Promise((resolve) => {
      const watch = (line: LogLine): void => {
        if (!matches(line)) return;
        this.#watchers.delete(watch);
        resolve(line);
      };
      this.#watchers.add(watch);
    });
  }

  /** Forgets what has been written. */
  clear(): void {
    this.lines.length = 0;
  }

  #at(level: LogLevel): Logger["info"] {
    return (message, fields = {}) => {
      const line = { level, message, fields };
      this.lines.push(line);
      for (const watch of [...this.#watchers]) watch(line);
    };
  }
}
