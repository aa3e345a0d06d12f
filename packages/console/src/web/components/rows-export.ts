import { type CsvCell, csvLine } from "../../api/csv-line.js";

/** Rows of a list that is here whole as CSV: a column for each member that any of them has; what is no plain value, as JSON. */
export function rowsAsCsv(rows: readonly object[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => {
    const values = new Map<string, unknown>(Object.entries(row));
    return csvLine(names.map((name) => cellOf(values.get(name))));
  });
  return [csvLine(names), ...lines].join("");
}

/** A JSON array, an item a line, as the server's own exports are. */
export function rowsAsJson(rows: readonly object[]): string {
  return rows.length === 0 ? "[]\n" : `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`;
}

function cellOf(value: unknown): CsvCell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return JSON.stringify(value);
}
