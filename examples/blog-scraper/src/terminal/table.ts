import { fitText, printable, textWidth } from "./text-width.js";

export interface Column {
  readonly title: string;
  /** Columns that may be made narrower than their content, down to this. */
  readonly least?: number;
}

const GAP = 2;

/**
 * Lays out rows of text as a table of at most `width` columns: a head, a line, the rows. The widest column that may shrink
 * shrinks first. Texts are made printable.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? "")));
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[index] ?? ""))),
  );
  shrink(widths, columns, width - GAP * (columns.length - 1));
  const line = (texts: readonly string[]): string =>
    widths
      .map((columnWidth, index) => fitText(texts[index] ?? "", columnWidth))
      .join(" ".repeat(GAP))
      .trimEnd();
  const rule = widths.map((columnWidth) => "─".repeat(columnWidth)).join(" ".repeat(GAP));
  return [line(columns.map(({ title }) => title)), rule, ...cells.map(line)];
}

function shrink(widths: number[], columns: readonly Column[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    const shrinkable = columns
      .map(({ least }, index) => ({
        index,
        spare: least === undefined ? 0 : (widths[index] ?? 0) - least,
        width: widths[index] ?? 0,
      }))
      .filter(({ spare }) => spare > 0)
      .sort((one, other) => other.width - one.width)[0];
    if (shrinkable === undefined) return;
    widths[shrinkable.index] = shrinkable.width - 1;
    excess -= 1;
  }
}
