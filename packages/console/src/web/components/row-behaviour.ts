import { type MouseEvent, useRef } from "react";
import { useOpenPath } from "./app-link.js";
import type { DataTableProps } from "./table-types.js";

/** A click on something that acts by itself, or one that ends the marking of a text, does not open the row. */
export function isOnControl(event: MouseEvent<HTMLElement>): boolean {
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest("a, button, input, label, [role='menuitem'], [role='menu']")) return true;
  // A menu lives elsewhere in the document, but its clicks bubble through the row in React.
  if (target && !event.currentTarget.contains(target)) return true;
  return (window.getSelection()?.toString() ?? "") !== "";
}

/** What opening a row does: the table's own `onOpen`, or going to its link. */
export function useOpenRow<Row>({ rowLink, onOpen }: DataTableProps<Row>): ((row: Row) => void) | undefined {
  const openPath = useOpenPath();
  if (onOpen) return onOpen;
  return rowLink && ((row) => openPath(rowLink(row)));
}

/** One row, or with Shift all from the one before. */
export function useRangeSelect<Row>({
  rows = [],
  rowKey,
  selection,
}: DataTableProps<Row>): (key: string, shift: boolean) => void {
  const from = useRef<string>(undefined);
  return (key, shift) => {
    if (!selection) return;
    const keys = rows.map(rowKey);
    const start = shift && from.current !== undefined ? keys.indexOf(from.current) : -1;
    const end = keys.indexOf(key);
    from.current = key;
    if (start < 0) return selection.toggle(key);
    selection.put(keys.slice(Math.min(start, end), Math.max(start, end) + 1), !selection.keys.has(key));
  };
}
