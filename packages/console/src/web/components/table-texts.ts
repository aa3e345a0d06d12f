import type { Total } from "../../api/common.js";

/** Texts of tables. */
export const tableTexts = {
  columns: "Columns",
  compact: "Compact rows",
  reset: "Reset",
  moveUp: (column: string) => `Move ${column} up`,
  moveDown: (column: string) => `Move ${column} down`,
  export: "Export",
  exportCsv: "As CSV",
  exportJson: "As JSON",
  newRows: (count: number) => `${count} new`,
  selectRow: (key: string) => `Select ${key}`,
  selectPage: "Select all on this page",
  selected: (count: number) => `${whole(count)} selected`,
  allSelected: (total: string) => `All ${total} that match are selected`,
  selectAll: (total: string) => `Select all ${total} that match`,
  clearSelection: "Clear selection",
  rowMenu: (key: string) => `Actions for ${key}`,
  actions: "Actions",
  first: "First page",
  previous: "Previous page",
  next: "Next page",
  pageSize: "Rows per page",
  sum: "Total",
} as const;

const WHOLE = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** `3,412` */
export function whole(count: number): string {
  return WHOLE.format(count);
}
/** `1.2 M`: for estimates and narrow places. */
export function short(count: number): string {
  return SHORT.format(count).replace(/([KMBT])$/, " $1");
}
/** `3,412`, `about 1.2 M`, or `–` while it is not counted. */
export function totalText(total: Total | undefined): string {
  if (!total || total.count === null) return "–";
  return total.exact ? whole(total.count) : `about ${short(total.count)}`;
}
