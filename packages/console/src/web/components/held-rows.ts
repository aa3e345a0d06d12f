import type { Page } from "../../api/common.js";

/**
 * A page that is being read, with what a newer answer says of its rows: they change in place, none comes, goes or moves, and the way on
 * stays that of the rows shown. `waiting`: how many rows of the newer answer are not shown.
 */
export function inPlace<Row, P extends Page<Row>>(
  shown: P,
  newer: P,
  rowKey: (row: Row) => string,
  isNewer: (candidate: Row, shown: Row) => boolean,
): { readonly page: P; readonly waiting: number } {
  const byKey = new Map(newer.items.map((row) => [rowKey(row), row]));
  const items = shown.items.map((row) => {
    const candidate = byKey.get(rowKey(row));
    return candidate !== undefined && isNewer(candidate, row) ? candidate : row;
  });
  const keys = new Set(shown.items.map(rowKey));
  const waiting = newer.items.filter((row) => !keys.has(rowKey(row))).length;
  return { page: { ...newer, items, nextCursor: shown.nextCursor }, waiting };
}
