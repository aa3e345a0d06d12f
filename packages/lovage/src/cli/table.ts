import { styleText } from "node:util";
import { printable } from "../util/printable.js";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => unknown;
  /** Numbers stand under each other. @default "left" */
  readonly align?: "left" | "right";
  /** Longer texts are cut. @default for as long as it takes */
  readonly maxWidth?: number;
}

/** Rows under titles, two spaces apart. No lines, so that `awk` and people read it alike. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => cellText(column, row)));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((line) => line[at]?.length ?? 0)));
  const titles = columns.map(({ title }) => title);
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => pad(text, widths[at] ?? 0, columns[at]?.align ?? "left"))
      .join("  ")
      .trimEnd();
  return [paint("bold", line(titles)), ...cells.map(line)].join("\n");
}

type Style = Parameters<typeof styleText>[0];

/** Colours for standard output when it is a terminal and NO_COLOR is not set; plain text elsewhere. */
export function paint(style: Style, text: string): string {
  const colors = process.stdout.isTTY === true && process.stdout.hasColors();
  return colors ? styleText(style, text, { validateStream: false }) : text;
}

function cellText<Row>({ value, maxWidth }: Column<Row>, row: Row): string {
  const text = shown(value(row)).replace(/\s+/g, " ");
  return maxWidth !== undefined && text.length > maxWidth ? `${text.slice(0, maxWidth - 1)}…` : text;
}

function shown(value: unknown): string {
  if (value === undefined || value === null || value === "") return "-";
  if (value instanceof Date) return value.toISOString();
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}

function pad(text: string, width: number, align: "left" | "right"): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
