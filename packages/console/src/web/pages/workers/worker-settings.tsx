import { Switch } from "@mantine/core";
import { useState } from "react";
import type { WorkerDetail } from "../../../api/workers.js";
import { CopyButton } from "../../components/copy-button.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { jsonText } from "../../components/json-text.js";
import { Empty } from "../../components/page-states.js";
import { SearchBox } from "../../components/search-box.js";
import { Badge } from "../../components/state-badge.js";

type Setting = WorkerDetail["settings"][number];

/** Every setting that it runs with: those that differ from the default first, secrets masked by the server. */
export function WorkerSettings({ worker }: { readonly worker: WorkerDetail }) {
  const [sought, setSought] = useState<string>();
  const [changedOnly, setChangedOnly] = useState(false);
  const rows = worker.settings.filter(
    ({ name, isDefault }) =>
      (!changedOnly || !isDefault) && (sought === undefined || name.toLowerCase().includes(sought.toLowerCase())),
  );
  const filtered = changedOnly || sought !== undefined;
  return (
    <DataTable
      name="worker-settings"
      label="Settings"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ name }) => name}
      rowFaded={({ isDefault }) => isDefault}
      toolbar={
        <>
          <SearchBox value={sought} onChange={setSought} label="Search settings" />
          <Switch
            size="xs"
            label="Changed only"
            checked={changedOnly}
            onChange={(event) => setChangedOnly(event.currentTarget.checked)}
          />
          <CopyButton text={() => copyOf(rows)} label="Copy these settings" />
        </>
      }
      onClearFilters={
        filtered
          ? () => {
              setSought(undefined);
              setChangedOnly(false);
            }
          : undefined
      }
      emptyState={
        <Empty title="It has not told its settings" icon="settings">
          Ask again with Refresh.
        </Empty>
      }
    />
  );
}

function copyOf(settings: readonly Setting[]): string {
  return jsonText(Object.fromEntries(settings.map(({ name, value }) => [name, value])));
}

const COLUMNS: readonly Column<Setting>[] = [
  {
    key: "name",
    title: "Setting",
    fixed: true,
    card: "title",
    width: "30%",
    cell: ({ name }) => <bdi className="lv-mono lv-wrap-anywhere">{name}</bdi>,
  },
  {
    key: "value",
    title: "Value",
    fixed: true,
    card: "field",
    cell: ({ name, value }) => (
      <span className="lv-with-copy">
        <bdi className="lv-mono lv-wrap-anywhere">{jsonText(value).replace(/\s+/g, " ")}</bdi>
        <CopyButton text={() => jsonText(value)} label={`Copy ${name}`} />
      </span>
    ),
  },
  {
    key: "changed",
    title: "From",
    card: "field",
    width: "110px",
    cell: ({ isDefault }) => (isDefault ? "the default" : <Badge tone="planned">changed</Badge>),
  },
];
