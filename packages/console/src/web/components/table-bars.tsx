import { ActionIcon, Button, Menu, NativeSelect } from "@mantine/core";
import { saveText } from "../state/save-text.js";
import { Icon, type IconName } from "./icon.js";
import { rowsAsCsv, rowsAsJson } from "./rows-export.js";
import { type ColumnChoice, ColumnChooser } from "./table-columns.js";
import { tableTexts as texts, totalText } from "./table-texts.js";
import type { DataTableProps } from "./table-types.js";
import type { Selection } from "./use-selection.js";

/** Above the rows: the page's own tools at the left, export and columns at the right. */
export function TableToolbar<Row>({
  table,
  choice,
}: {
  readonly table: DataTableProps<Row>;
  readonly choice: ColumnChoice<Row>;
}) {
  return (
    <div className="lv-table-toolbar">
      <div className="lv-table-tools">{table.toolbar}</div>
      <div className="lv-table-tools">
        {table.exports && (
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="subtle" color="gray" size="xs" leftSection={<Icon name="download" size={14} />}>
                {texts.export}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <ExportItems name={table.name} exports={table.exports} />
            </Menu.Dropdown>
          </Menu>
        )}
        <ColumnChooser choice={choice} />
      </div>
    </div>
  );
}

/** In two formats: made by the server, or here of rows that are here. */
function ExportItems({
  name,
  exports,
}: {
  readonly name: string;
  readonly exports: NonNullable<DataTableProps<unknown>["exports"]>;
}) {
  if ("rows" in exports) {
    const { rows } = exports;
    return (
      <>
        <Menu.Item onClick={() => saveText(`${name}.csv`, rowsAsCsv(rows), "text/csv")}>{texts.exportCsv}</Menu.Item>
        <Menu.Item onClick={() => saveText(`${name}.json`, rowsAsJson(rows), "application/json")}>
          {texts.exportJson}
        </Menu.Item>
      </>
    );
  }
  return (
    <>
      <Menu.Item component="a" href={exports.csv} download>
        {texts.exportCsv}
      </Menu.Item>
      <Menu.Item component="a" href={exports.json} download>
        {texts.exportJson}
      </Menu.Item>
    </>
  );
}

/** While rows are selected: how many, all that match, and what can be done with them. */
export function BulkBar<Row>({
  table,
  selection,
}: {
  readonly table: DataTableProps<Row>;
  readonly selection: Selection;
}) {
  const total = table.total;
  const more = total?.count !== null && total?.count !== undefined && total.count > selection.keys.size;
  return (
    <section className="lv-bulk" aria-label={texts.selected(selection.keys.size)}>
      <strong aria-live="polite">
        {selection.allMatching ? texts.allSelected(totalText(total)) : texts.selected(selection.keys.size)}
      </strong>
      {!selection.allMatching && more && (
        <Button variant="subtle" size="compact-sm" onClick={selection.selectAllMatching}>
          {texts.selectAll(totalText(total))}
        </Button>
      )}
      <div className="lv-bulk-actions">{table.bulk?.()}</div>
      <Button variant="subtle" color="gray" size="compact-sm" onClick={selection.clear}>
        {texts.clearSelection}
      </Button>
    </section>
  );
}

/** Below the rows: how many there are, and the way to others. */
export function TableFooter<Row>({ table }: { readonly table: DataTableProps<Row> }) {
  const { paging, total, rows = [] } = table;
  if (!paging && !total) return null;
  return (
    <div className="lv-table-footer">
      <span className="lv-muted lv-number">
        {rows.length} of {totalText(total)}
      </span>
      {paging && (
        <div className="lv-paging">
          <div className="lv-page-size">
            <span className="lv-muted" aria-hidden="true">
              {texts.pageSize}
            </span>
            <NativeSelect
              size="xs"
              aria-label={texts.pageSize}
              value={String(paging.pageSize)}
              data={["25", "50", "100"]}
              onChange={(event) => paging.setPageSize(Number(event.currentTarget.value))}
            />
          </div>
          <PageButton icon="first" label={texts.first} go={paging.first} />
          <PageButton icon="chevron-left" label={texts.previous} go={paging.previous} />
          <PageButton icon="chevron-right" label={texts.next} go={paging.next} />
        </div>
      )}
    </div>
  );
}

function PageButton({
  icon,
  label,
  go,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly go: (() => void) | undefined;
}) {
  return (
    <ActionIcon variant="default" size={28} aria-label={label} disabled={!go} onClick={() => go?.()}>
      <Icon name={icon} size={15} />
    </ActionIcon>
  );
}
