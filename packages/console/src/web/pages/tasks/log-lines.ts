import type { LogLine } from "../../../api/tasks.js";

/** Levels, the least serious first; a filter shows a level and those after it. */
export const LOG_LEVELS_IN_ORDER = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS_IN_ORDER)[number];

/** Lines with new ones put in by their number: what came twice (read and streamed) is there once. */
export function withLines<L extends LogLine>(lines: readonly L[], news: readonly L[]): readonly L[] {
  const last = lines.at(-1)?.seq ?? -1;
  const fresh = news.filter((line) => line.seq > last);
  if (fresh.length === news.length) {
    return fresh.length === 0 ? lines : [...lines, ...[...fresh].sort((a, b) => a.seq - b.seq)];
  }
  const bySeq = new Map([...lines, ...news].map((line) => [line.seq, line]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

/** Lines of at least a level whose message or members contain a text, whatever its case. */
export function matchingLines<L extends LogLine>(lines: readonly L[], level: LogLevel, find: string): readonly L[] {
  const least = LOG_LEVELS_IN_ORDER.indexOf(level);
  const sought = find.toLowerCase();
  return lines.filter(
    (line) =>
      LOG_LEVELS_IN_ORDER.indexOf(line.level) >= least &&
      (sought === "" || line.message.toLowerCase().includes(sought) || fieldsText(line).toLowerCase().includes(sought)),
  );
}

/** The members of a line as one text, as in `page=3 url="…"`. */
export function fieldsText(line: LogLine): string {
  return Object.entries(line.fields)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(" ");
}

/** A log as a text file: one line each, but for messages that have several. */
export function logText(lines: readonly LogLine[]): string {
  let attempt = lines[0]?.attempt;
  const text: string[] = [];
  for (const line of lines) {
    if (line.attempt !== attempt) {
      attempt = line.attempt;
      text.push(`--- attempt ${attempt} ---`);
    }
    text.push(`${line.at} ${line.level.toUpperCase().padEnd(5)} ${line.message} ${fieldsText(line)}`.trimEnd());
  }
  return `${text.join("\n")}\n`;
}
