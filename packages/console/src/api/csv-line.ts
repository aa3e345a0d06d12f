export type CsvCell = string | number | boolean | null | undefined;

/**
 * A line of CSV (RFC 4180). Texts that a spreadsheet would take for a formula get a quote before them: names and arguments come from
 * anybody (OWASP, "CSV Injection").
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: CsvCell): string {
  if (cell === null || cell === undefined) return "";
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
