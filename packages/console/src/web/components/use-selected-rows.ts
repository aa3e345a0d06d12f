import { useState } from "react";
import type { Selection } from "./use-selection.js";

/** The rows that are selected, also those of pages that are not shown any more: as they were when they were last seen. */
export function useSelectedRows<Row>(
  selection: Selection,
  rows: readonly Row[],
  rowKey: (row: Row) => string,
): readonly Row[] {
  const [kept, setKept] = useState<ReadonlyMap<string, Row>>(new Map());
  const now = selectedRows(kept, rows, selection.keys, rowKey);
  if (now !== kept) setKept(now);
  return [...now.values()];
}

/** The rows kept, without those that are selected no more, and with those shown that are; the same map when nothing changed. */
export function selectedRows<Row>(
  kept: ReadonlyMap<string, Row>,
  rows: readonly Row[],
  keys: ReadonlySet<string>,
  rowKey: (row: Row) => string,
): ReadonlyMap<string, Row> {
  const now = new Map([...kept].filter(([key]) => keys.has(key)));
  for (const row of rows) if (keys.has(rowKey(row))) now.set(rowKey(row), row);
  const same = now.size === kept.size && [...now].every(([key, row]) => kept.get(key) === row);
  return same ? kept : now;
}
