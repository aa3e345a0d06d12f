import { Checkbox } from "@mantine/core";
import { isOnControl, useOpenRow, useRangeSelect } from "./row-behaviour.js";
import { RowMenu } from "./table-row-menu.js";
import { tableTexts as texts } from "./table-texts.js";
import type { Column, DataTableProps } from "./table-types.js";

export interface RowCardsProps<Row> {
  readonly table: DataTableProps<Row>;
  readonly columns: readonly Column<Row>[];
  readonly onMenu: (open: boolean) => void;
}

/** Rows on narrow screens: a heading, four fields and the actions. */
export function RowCards<Row>({ table, columns, onMenu }: RowCardsProps<Row>) {
  const { rows = [], rowKey, selection } = table;
  const openRow = useOpenRow(table);
  const range = useRangeSelect(table);
  const title = columns.find((column) => column.card === "title") ?? columns[0];
  const fields = chooseFields(columns, title);
  return (
    <ul className="lv-cards" aria-label={table.label}>
      {rows.map((row) => {
        const key = rowKey(row);
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the heading's own link is the keyboard's way; the card is a larger target
          <li
            key={key}
            data-row={key}
            tabIndex={-1}
            className={table.rowFaded?.(row) ? "lv-card lv-faded" : "lv-card"}
            onClick={(event) => !isOnControl(event) && openRow?.(row)}
          >
            <div className="lv-card-head">
              {selection && (
                <Checkbox
                  size="sm"
                  aria-label={texts.selectRow(key)}
                  checked={selection.allMatching || selection.keys.has(key)}
                  onClick={(event) => range(key, event.shiftKey)}
                  onChange={() => undefined}
                />
              )}
              <div className="lv-card-title">{title?.cell(row)}</div>
              {table.rowMenu && <RowMenu name={key} actions={() => table.rowMenu?.(row) ?? []} onOpenChange={onMenu} />}
            </div>
            <dl className="lv-card-fields">
              {fields.map((column) => (
                <div key={column.key}>
                  <dt>{column.title}</dt>
                  <dd>{column.cell(row)}</dd>
                </div>
              ))}
            </dl>
          </li>
        );
      })}
    </ul>
  );
}

/** The columns meant for cards first, then others in their order: four. */
function chooseFields<Row>(columns: readonly Column<Row>[], title: Column<Row> | undefined): readonly Column<Row>[] {
  const rest = columns.filter((column) => column !== title);
  const meant = rest.filter((column) => column.card === "field");
  return [...meant, ...rest.filter((column) => column.card !== "field")].slice(0, 4);
}
