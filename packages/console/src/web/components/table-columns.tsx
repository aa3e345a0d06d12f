import { ActionIcon, Button, Checkbox, Popover } from "@mantine/core";
import { useState } from "react";
import { usePreferences } from "../state/app-context.js";
import { readEntry, writeStored } from "../state/preferences.js";
import { Icon } from "./icon.js";
import { tableTexts as texts } from "./table-texts.js";
import type { Column } from "./table-types.js";

/** Which columns are shown, in which order: the person's choice, kept on this browser. */
export interface ColumnChoice<Row> {
  readonly shown: readonly Column<Row>[];
  /** All of them, in the chosen order. */
  readonly all: readonly { readonly column: Column<Row>; readonly shown: boolean }[];
  readonly toggle: (key: string) => void;
  readonly move: (key: string, by: -1 | 1) => void;
  readonly reset: () => void;
}

type Kept = readonly { readonly key: string; readonly shown: boolean }[];

export function useColumns<Row>(name: string, columns: readonly Column<Row>[]): ColumnChoice<Row> {
  const storageKey = `lovage.columns.${name}`;
  const [kept, setKept] = useState<Kept>(() => parseKept(readEntry(storageKey)));
  const all = arrange(columns, kept);
  const keep = (next: readonly { readonly column: Column<Row>; readonly shown: boolean }[]) => {
    const entries = next.map(({ column, shown }) => ({ key: column.key, shown }));
    setKept(entries);
    writeStored(storageKey, entries);
  };
  return {
    all,
    shown: all.filter((each) => each.shown).map((each) => each.column),
    toggle: (key) => keep(all.map((each) => (each.column.key === key ? { ...each, shown: !each.shown } : each))),
    move: (key, by) => keep(moved(all, key, by)),
    reset: () => {
      setKept([]);
      writeStored(storageKey, []);
    },
  };
}

/** Columns in their kept order; ones that are new since then where the program has them. */
function arrange<Row>(columns: readonly Column<Row>[], kept: Kept) {
  const places = new Map(kept.map((each, place) => [each.key, place]));
  const choice = new Map(kept.map((each) => [each.key, each.shown]));
  return columns
    .map((column, place) => ({
      column,
      place,
      shown: column.fixed === true || (choice.get(column.key) ?? column.optional !== true),
    }))
    .sort((a, b) => (places.get(a.column.key) ?? a.place) - (places.get(b.column.key) ?? b.place))
    .map(({ column, shown }) => ({ column, shown }));
}

function moved<Row>(
  all: readonly { readonly column: Column<Row>; readonly shown: boolean }[],
  key: string,
  by: -1 | 1,
) {
  const from = all.findIndex((each) => each.column.key === key);
  const one = all[from];
  const other = all[from + by];
  if (!one || !other) return all;
  return all.map((each) => (each === one ? other : each === other ? one : each));
}

function parseKept(value: unknown): Kept {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) =>
    typeof each === "object" && each !== null && "key" in each && typeof each.key === "string" && "shown" in each
      ? [{ key: each.key, shown: each.shown === true }]
      : [],
  );
}

/** The button with the list of columns. */
export function ColumnChooser<Row>({ choice }: { readonly choice: ColumnChoice<Row> }) {
  const [{ density }, change] = usePreferences();
  return (
    <Popover position="bottom-end" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="subtle" color="gray" size="xs" leftSection={<Icon name="columns" size={14} />}>
          {texts.columns}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className="lv-columns">
        <ul>
          {choice.all.map(({ column, shown }, place) => (
            <li key={column.key}>
              <Checkbox
                size="xs"
                label={column.title}
                checked={shown}
                disabled={column.fixed === true}
                onChange={() => choice.toggle(column.key)}
              />
              <span>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={24}
                  aria-label={texts.moveUp(column.title)}
                  disabled={place === 0}
                  onClick={() => choice.move(column.key, -1)}
                >
                  <Icon name="arrow-up" size={13} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={24}
                  aria-label={texts.moveDown(column.title)}
                  disabled={place === choice.all.length - 1}
                  onClick={() => choice.move(column.key, 1)}
                >
                  <Icon name="arrow-down" size={13} />
                </ActionIcon>
              </span>
            </li>
          ))}
        </ul>
        <div className="lv-columns-foot">
          <Checkbox
            size="xs"
            label={texts.compact}
            checked={density === "compact"}
            onChange={(event) => change({ density: event.currentTarget.checked ? "compact" : "comfortable" })}
          />
          <Button variant="subtle" size="compact-xs" onClick={choice.reset}>
            {texts.reset}
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
