import { encodeJsonText } from "./json-text.js";

type Cell = string | number | boolean | null | undefined;

/**
 * A line of CSV (RFC 4180). Texts that a spreadsheet would take for a formula get a quote before them: names and arguments come from
 * anybody (OWASP, "CSV Injection").
 */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A JSON array, an item a line. */
export async function* jsonItems(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let separator = "[\n";
  for await (const item of items) {
    yield separator + encodeJsonText(item);
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}
