import { styleText } from "node:util";
import type { RunListener } from "../follow-run.js";
import type { LogLevel } from "../scraper/scrape-blog.js";
import { fitText, printable } from "./text-width.js";

/** Where a view writes: standard output, or a recording of it. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

type LogEntry = Parameters<RunListener["log"]>[0];
type Progress = Parameters<RunListener["progress"]>[0];

/** Shows a run: its log line by line, and how far it is. */
export interface RunView extends RunListener {
  /** Removes what only makes sense while the run goes on. */
  end(): void;
}

/** A bar below the log on a terminal, plain lines elsewhere. */
export function createRunView(terminal: Terminal): RunView {
  return terminal.isTTY === true ? new LiveView(terminal) : new PlainView(terminal);
}

const ERASE_LINE = "\r\u001b[2K";
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const BAR_WIDTH = 28;

class LiveView implements RunView {
  readonly #terminal: Terminal;
  #bar = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  log(entry: LogEntry): void {
    const text = `${styleText("gray", clockTime(entry.at))} ${levelMark(entry.level)} ${printable(entry.message)}\n`;
    this.#terminal.write(`${this.#bar === "" ? "" : ERASE_LINE}${text}${this.#bar}`);
  }

  progress(run: Progress): void {
    const bar = this.#draw(run);
    if (bar === this.#bar) return;
    this.#terminal.write(`${this.#bar === "" ? HIDE_CURSOR : ERASE_LINE}${bar}`);
    this.#bar = bar;
  }

  end(): void {
    if (this.#bar !== "") this.#terminal.write(`${ERASE_LINE}${SHOW_CURSOR}`);
    this.#bar = "";
  }

  /** One line that is never wider than the terminal, or erasing it would leave pieces behind. */
  #draw(run: Progress): string {
    const columns = Math.max(20, this.#terminal.columns ?? 80) - 1;
    const barWidth = Math.min(BAR_WIDTH, Math.floor(columns / 3));
    const share = run.total === null || run.total === 0 ? 0 : run.done / run.total;
    const filled = Math.round(share * barWidth);
    const numbers = run.total === null ? "" : ` ${run.done}/${run.total} ${Math.floor(share * 100)}%`;
    const message = fitText(
      ` ${printable(run.message || "running")}`,
      Math.max(0, columns - barWidth - numbers.length),
    );
    const bar = `${styleText("green", "█".repeat(filled))}${styleText("gray", "░".repeat(barWidth - filled))}`;
    return `${bar}${styleText("bold", numbers)}${message}`;
  }
}

/** Posts between two lines of progress. */
const PLAIN_STEP = 10;

class PlainView implements RunView {
  readonly #terminal: Terminal;
  #said = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  log(entry: LogEntry): void {
    this.#terminal.write(`${clockTime(entry.at)} ${entry.level.padEnd(7)} ${printable(entry.message)}\n`);
  }

  progress(run: Progress): void {
    if (run.total === null || run.done < this.#said + PLAIN_STEP) return;
    this.#said = run.done;
    this.#terminal.write(`${clockTime(new Date())} ${"info".padEnd(7)} ${run.done} of ${run.total} posts\n`);
  }

  end(): void {
    this.#said = 0;
  }
}

const LEVEL_MARKS: Readonly<Record<LogLevel, { color: "cyan" | "yellow" | "red"; text: string }>> = {
  info: { color: "cyan", text: "info " },
  warning: { color: "yellow", text: "warn " },
  error: { color: "red", text: "error" },
};

function levelMark(level: LogLevel): string {
  const { color, text } = LEVEL_MARKS[level];
  return styleText(color, text);
}

/** `HH:MM:SS` in local time. */
function clockTime(at: Date): string {
  return at.toTimeString().slice(0, 8);
}
