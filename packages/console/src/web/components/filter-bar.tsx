import { ActionIcon, Button, Checkbox, Menu, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { SavedView } from "../../api/operations.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { refreshApi } from "../api/use-api.js";
import { useMay, useMe } from "../state/app-context.js";
import { stringifySearch, type UrlSearch, useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { useOpenPath } from "./app-link.js";
import { Icon } from "./icon.js";
import { StateBadge } from "./state-badge.js";
import { short } from "./table-texts.js";

/** One filter that is on. */
export interface FilterChip {
  readonly key: string;
  /** "Queue" */
  readonly label: string;
  /** "images" */
  readonly value: string;
  readonly remove: () => void;
}

export interface FilterBarProps {
  /** Search box, selects. */
  readonly children?: ReactNode;
  /** What is on; shown with a cross each. */
  readonly chips?: readonly FilterChip[];
  readonly onClear: () => void;
  /** With the page's path: views can be saved and chosen. */
  readonly views?: { readonly page: string; readonly keys: readonly string[] };
}

/** Filters above a list. They live in the address (`useFilters`), so a view is a link. */
export function FilterBar({ children, chips = [], onClear, views }: FilterBarProps) {
  return (
    <div className="lv-filters">
      <div className="lv-filter-inputs">
        {children}
        {views && <SavedViews page={views.page} keys={views.keys} />}
      </div>
      {chips.length > 0 && (
        <ul className="lv-chips" aria-label="Filters">
          {chips.map((chip) => (
            <li key={`${chip.key}:${chip.value}`} className="lv-chip">
              <span className="lv-muted">{chip.label}</span> <span className="lv-chip-value">{chip.value}</span>
              <ActionIcon
                variant="transparent"
                color="gray"
                size={24}
                aria-label={`Remove ${chip.label} ${chip.value}`}
                onClick={chip.remove}
              >
                <Icon name="close" size={12} />
              </ActionIcon>
            </li>
          ))}
          <li>
            <Button variant="subtle" size="compact-sm" onClick={onClear}>
              {texts.clear}
            </Button>
          </li>
        </ul>
      )}
    </div>
  );
}

/** Filters in the address: changing one begins at the first page again. */
export function useFilters<const K extends string>(keys: readonly K[]) {
  const [values, change] = useUrlState(keys);
  const set = (changes: Partial<Record<K, string | undefined>>, options?: { readonly replace?: boolean }) =>
    change({ ...changes, cursor: undefined } as Partial<Record<K, string | undefined>>, options);
  const cleared: Partial<Record<K, undefined>> = {};
  for (const key of keys) cleared[key] = undefined;
  return { values, set, clear: () => set(cleared), active: Object.keys(values).length > 0 };
}

export interface StateChipsProps {
  /** Shown in this order; others that have a count come after them. */
  readonly states: readonly string[];
  /** Not known while undefined; a state without a count has none. */
  readonly counts: Readonly<Record<string, number>> | undefined;
  /** Comma-separated, as in the address. */
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}

/** A button for each state, with how many there are. Several can be on. */
export function StateChips({ states, counts, value, onChange }: StateChipsProps) {
  const on = new Set(value?.split(",").filter(Boolean));
  const custom = Object.entries(counts ?? {}).flatMap(([state, count]) =>
    count > 0 && !states.includes(state) ? [state] : [],
  );
  const toggle = (state: string) => {
    const next = new Set(on);
    if (!next.delete(state)) next.add(state);
    onChange(next.size === 0 ? undefined : [...next].join(","));
  };
  return (
    <fieldset className="lv-state-chips">
      <legend className="lv-sr-only">State</legend>
      {[...states, ...custom].map((state) => (
        <button
          key={state}
          type="button"
          className="lv-state-chip"
          aria-pressed={on.has(state)}
          onClick={() => toggle(state)}
        >
          <StateBadge state={state} />
          <span className="lv-number">{counts ? short(counts[state] ?? 0) : "–"}</span>
        </button>
      ))}
    </fieldset>
  );
}

/** Filters, sort and search by name: one's own, and those an admin shares. */
function SavedViews({ page, keys }: { readonly page: string; readonly keys: readonly string[] }) {
  const { views } = useMe();
  const openPath = useOpenPath();
  const [values] = useUrlState([...keys, "sort"]);
  const own = views.filter((view) => view.page === page);
  const [naming, setNaming] = useState(false);
  const remove = useAction(async (_, view: SavedView) => api.delete(apiPath`views/${view.id}`), {
    failed: "Could not delete the view",
    undo: (_, { page, name, search, shared }) => ({
      text: `Deleted the view “${name}”`,
      undone: `The view “${name}” is back`,
      back: async () => {
        await api.post("views", { page, name, search, shared });
        return undefined;
      },
    }),
    refresh: ["me"],
  });
  const menu = (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<Icon name="bookmark" size={14} />}>
          Views
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {own.length === 0 && <Menu.Label>No saved views yet</Menu.Label>}
        {own.map((view) => (
          <Menu.Item
            key={view.id}
            onClick={() =>
              openPath(`/${page}${view.search.startsWith("?") || view.search === "" ? view.search : `?${view.search}`}`)
            }
          >
            {view.name}
            {view.shared && <span className="lv-menu-reason">shared</span>}
          </Menu.Item>
        ))}
        {own.some((view) => view.own) && (
          <>
            <Menu.Divider />
            {own
              .filter((view) => view.own)
              .map((view) => (
                <Menu.Item
                  key={view.id}
                  color="red"
                  leftSection={<Icon name="trash" size={14} />}
                  onClick={() => remove.run(view)}
                >
                  Delete “{view.name}”
                </Menu.Item>
              ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Item onClick={() => setNaming(true)}>Save this view…</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
  return (
    <>
      {menu}
      <Modal opened={naming} onClose={() => setNaming(false)} title="Save this view" size="sm">
        <SaveView page={page} search={values} onSaved={() => setNaming(false)} />
      </Modal>
    </>
  );
}

function SaveView({
  page,
  search,
  onSaved,
}: {
  readonly page: string;
  readonly search: UrlSearch | Partial<Record<string, string>>;
  readonly onSaved: () => void;
}) {
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const mayShare = useMay("admin");
  const client = useQueryClient();
  const save = useAction(
    async (
      idempotencyKey,
      body: { readonly page: string; readonly name: string; readonly search: string; readonly shared: boolean },
    ) => api.post("views", body, { idempotencyKey }),
    {
      failed: "Could not save the view",
      done: () => {
        onSaved();
        void refreshApi(client, "me");
      },
    },
  );
  return (
    <form
      className="lv-stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") save.run({ page, name: name.trim(), search: stringifySearch(search), shared });
      }}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={100}
        data-autofocus
      />
      {mayShare && (
        <Checkbox label="For everybody" checked={shared} onChange={(event) => setShared(event.currentTarget.checked)} />
      )}
      <Button type="submit" size="xs" loading={save.pending} disabled={name.trim() === ""}>
        Save view
      </Button>
    </form>
  );
}
