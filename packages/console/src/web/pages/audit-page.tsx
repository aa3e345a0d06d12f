import { Modal } from "@mantine/core";
import { useState } from "react";
import type { AuditEntry } from "../../api/operations.js";
import { apiUrl } from "../api/client.js";
import { type Column, DataTable } from "../components/data-table.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { InstantInput, type InstantInputProps } from "../components/instant-input.js";
import { JsonTree } from "../components/json-value.js";
import { Facts } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { Badge } from "../components/state-badge.js";
import { Time } from "../components/time.js";
import { useLiveList } from "../components/use-live-list.js";
import { texts } from "../texts.js";
import { SettingsFrame } from "./settings/settings-frame.js";

const KEYS = ["q", "user", "action", "from", "to"] as const;
const VIA: Readonly<Record<AuditEntry["via"], string>> = { page: "page", api: "API", flower: "Flower API" };

/** Everything that was done, and by whom. */
export function AuditPage() {
  const filters = useFilters(KEYS);
  const [shown, setShown] = useState<AuditEntry>();
  const list = useLiveList<AuditEntry>({
    path: "audit",
    name: "audit",
    filters: filters.values,
    rowKey: (entry) => String(entry.id),
    refetchEvery: 10,
  });
  const columns = auditColumns((changes) => filters.set(changes));
  const chips: FilterChip[] = KEYS.filter((key) => key !== "q").flatMap((key) => {
    const value = filters.values[key];
    return value === undefined
      ? []
      : [{ key, label: LABELS[key], value, remove: () => filters.set({ [key]: undefined }) }];
  });
  return (
    <SettingsFrame
      title={texts.settingsNav.audit}
      lead="Every request that changes something writes one line, refused ones too."
    >
      <FilterBar chips={chips} onClear={filters.clear} views={{ page: "settings/audit", keys: KEYS }}>
        <SearchBox
          label="Search the audit trail"
          value={filters.values.q}
          onChange={(q) => filters.set({ q })}
          problem={filters.values.q !== undefined && list.problem?.status === 400 ? list.problem.problem : undefined}
        />
        <Instant label="From" value={filters.values.from} onChange={(from) => filters.set({ from })} />
        <Instant label="Until" value={filters.values.to} onChange={(to) => filters.set({ to })} />
      </FilterBar>
      <DataTable
        {...list.table}
        label={texts.settingsNav.audit}
        columns={columns}
        onOpen={setShown}
        rowMenu={(entry) => [{ label: "Look inside", icon: "eye", run: () => setShown(entry) }]}
        exports={{
          csv: apiUrl("audit/export", { ...filters.values, format: "csv" }),
          json: apiUrl("audit/export", { ...filters.values, format: "json" }),
        }}
        onClearFilters={filters.active ? filters.clear : undefined}
        emptyState={
          <Empty icon="shield" title="Nothing was done yet">
            Actions of people and programs are listed here.
          </Empty>
        }
      />
      <Modal opened={shown !== undefined} onClose={() => setShown(undefined)} title={shown?.action ?? ""} size="lg">
        {shown && <EntryDetail entry={shown} />}
      </Modal>
    </SettingsFrame>
  );
}

const LABELS = { user: "User", action: "Action", from: "From", to: "Until" } as const;

function auditColumns(
  filter: (changes: { readonly user?: string; readonly action?: string }) => void,
): readonly Column<AuditEntry>[] {
  return [
    { key: "at", title: "Time", card: "field", width: "190px", cell: ({ at }) => <Time at={at} show="absolute" /> },
    {
      key: "user",
      title: "User",
      card: "field",
      cell: ({ user, role }) => (
        <span>
          <Pick value={user} label={`Only ${user}`} onPick={() => filter({ user })} />{" "}
          <span className="lv-muted">{role}</span>
        </span>
      ),
    },
    {
      key: "action",
      title: "Action",
      fixed: true,
      card: "title",
      cell: ({ action }) => <Pick value={action} label={`Only ${action}`} onPick={() => filter({ action })} />,
    },
    {
      key: "target",
      title: "Target",
      card: "field",
      cell: ({ target }) => (
        <bdi className="lv-mono lv-cut" title={target}>
          {target}
        </bdi>
      ),
    },
    { key: "outcome", title: "Outcome", card: "field", cell: ({ outcome }) => <Outcome outcome={outcome} /> },
    {
      key: "parameters",
      title: "Parameters",
      optional: true,
      cell: ({ parameters }) => <span className="lv-mono lv-cut">{JSON.stringify(parameters)}</span>,
    },
    { key: "via", title: "Via", cell: ({ via }) => VIA[via] },
    { key: "address", title: "Address", cell: ({ address }) => <span className="lv-mono">{address}</span> },
  ];
}

function Pick({
  value,
  label,
  onPick,
}: {
  readonly value: string;
  readonly label: string;
  readonly onPick: () => void;
}) {
  return (
    <button type="button" className="lv-pick" title={label} onClick={onPick}>
      {value}
    </button>
  );
}

function Outcome({ outcome }: { readonly outcome: string }) {
  if (outcome === "done")
    return (
      <Badge tone="good" sign="✓">
        done
      </Badge>
    );
  const [word = outcome, ...rest] = outcome.split(/[:\s]/);
  return (
    <span>
      <Badge tone="bad" sign="✕">
        {word}
      </Badge>{" "}
      <span className="lv-muted">{rest.join(" ").trim()}</span>
    </span>
  );
}

function EntryDetail({ entry }: { readonly entry: AuditEntry }) {
  return (
    <div className="lv-stack">
      <Facts
        facts={[
          { name: "Time", value: <Time at={entry.at} show="absolute" /> },
          { name: "User", value: `${entry.user} (${entry.role})` },
          { name: "Via", value: VIA[entry.via] },
          { name: "Target", value: <bdi className="lv-mono">{entry.target}</bdi> },
          { name: "Outcome", value: entry.outcome },
          { name: "Address", value: entry.address },
        ]}
      />
      <JsonTree data={entry.parameters} label="Parameters" />
    </div>
  );
}

/** Kept in the address in UTC. */
function Instant({ label, ...rest }: Pick<InstantInputProps, "value" | "onChange"> & { readonly label: string }) {
  return (
    <InstantInput
      {...rest}
      size="sm"
      aria-label={label}
      title={label}
      leftSection={<span className="lv-muted lv-unit">{label}</span>}
      leftSectionWidth={52}
    />
  );
}
