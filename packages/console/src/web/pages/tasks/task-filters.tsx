import { Autocomplete, Button, Popover } from "@mantine/core";
import { useState } from "react";
import type { TaskType } from "../../../api/tasks.js";
import { useApi } from "../../api/use-api.js";
import type { FilterChip } from "../../components/filter-bar.js";
import { Icon } from "../../components/icon.js";
import { InstantInput } from "../../components/instant-input.js";
import { absoluteTime } from "../../components/time.js";
import { usePreferences } from "../../state/app-context.js";
import { rangeStart, TIME_RANGES } from "./time-ranges.js";

/** Parameters of the address that filter the list, named as in the API. */
export const TASK_FILTER_KEYS = [
  "q",
  "state",
  "name",
  "worker",
  "queue",
  "schedule",
  "job",
  "runId",
  "error",
  "receivedFrom",
  "receivedTo",
] as const;
type FilterKey = (typeof TASK_FILTER_KEYS)[number];
type Values = Partial<Record<FilterKey, string>>;
type Set = (changes: Partial<Record<FilterKey, string | undefined>>) => void;

const LABELS: Readonly<Record<Exclude<FilterKey, "state">, string>> = {
  q: "Search",
  name: "Task",
  worker: "Worker",
  queue: "Queue",
  schedule: "Schedule",
  job: "Job",
  runId: "Run",
  error: "Error group",
  receivedFrom: "From",
  receivedTo: "To",
};

/** What is filtered by, each with its cross. The states have chips of their own. */
export function chipsOf(values: Values, set: Set): FilterChip[] {
  return TASK_FILTER_KEYS.flatMap((key): FilterChip[] => {
    const value = values[key];
    if (value === undefined) {
      return [];
    }
    const label = key === "state" ? "State" : LABELS[key];
    return [{ key, label, value: value.replaceAll(",", ", "), remove: () => set({ [key]: undefined }) }];
  });
}

/** Task, queue, worker, schedule, job and time range. */
export function TaskFilters({ values, set }: { readonly values: Values; readonly set: Set }) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <TimeRange values={values} set={set} />
      <Popover opened={opened} onChange={setOpened} position="bottom-start" width={300} trapFocus returnFocus>
        <Popover.Target>
          <Button
            variant="default"
            size="xs"
            leftSection={<Icon name="filter" size={14} />}
            aria-expanded={opened}
            onClick={() => setOpened(!opened)}
          >
            Filters
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Filters">
          {opened && <FilterFields values={values} set={set} onDone={() => setOpened(false)} />}
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

const FIELDS = ["name", "queue", "worker", "schedule", "job"] as const;
type Field = (typeof FIELDS)[number];

function FilterFields({
  values,
  set,
  onDone,
}: {
  readonly values: Values;
  readonly set: Set;
  readonly onDone: () => void;
}) {
  const choices = useChoices();
  const [draft, setDraft] = useState<Readonly<Record<Field, string>>>({
    name: values.name ?? "",
    queue: values.queue ?? "",
    worker: values.worker ?? "",
    schedule: values.schedule ?? "",
    job: values.job ?? "",
  });
  return (
    <form
      className="lv-stack"
      onSubmit={(event) => {
        event.preventDefault();
        set(Object.fromEntries(FIELDS.map((key) => [key, draft[key].trim() || undefined])));
        onDone();
      }}
    >
      {FIELDS.map((key) => (
        <Autocomplete
          key={key}
          size="xs"
          label={LABELS[key]}
          data={choices[key]}
          limit={50}
          comboboxProps={{ withinPortal: false }}
          value={draft[key]}
          onChange={(text) => setDraft({ ...draft, [key]: text })}
        />
      ))}
      <Button type="submit" size="xs">
        Apply
      </Button>
    </form>
  );
}

/** Names that a filter may be given; other names can be typed. Asked for when the fields are opened. */
function useChoices(): Readonly<Record<Field, string[]>> {
  const types = useApi<{ readonly items: readonly TaskType[] }>("task-types");
  const queues = useApi<{ readonly items: readonly { readonly name: string }[] }>("queues");
  const workers = useApi<{ readonly items: readonly { readonly name: string }[] }>("workers", { offline: true });
  const jobs = useApi<{ readonly items: readonly { readonly slug: string }[] }>("jobs");
  return {
    name: (types.data?.items ?? []).map((each) => each.name),
    queue: (queues.data?.items ?? []).map((each) => each.name),
    worker: (workers.data?.items ?? []).map((each) => each.name),
    schedule: [],
    job: (jobs.data?.items ?? []).map((each) => each.slug),
  };
}

/** When tasks were received: one of the usual ranges, or two instants. */
function TimeRange({ values, set }: { readonly values: Values; readonly set: Set }) {
  const [{ zone }] = usePreferences();
  const [opened, setOpened] = useState(false);
  const { receivedFrom, receivedTo } = values;
  const shown =
    receivedFrom === undefined && receivedTo === undefined
      ? "Any time"
      : `${clock(receivedFrom, zone)} – ${receivedTo === undefined ? "now" : clock(receivedTo, zone)}`;
  const choose = (from: string | undefined) => {
    set({ receivedFrom: from, receivedTo: undefined });
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" width={300} trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          size="xs"
          leftSection={<Icon name="clock" size={14} />}
          aria-expanded={opened}
          onClick={() => setOpened(!opened)}
        >
          {shown}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Time range">
        <div className="lv-range-buttons">
          <Button size="compact-sm" variant="default" onClick={() => choose(undefined)}>
            Any time
          </Button>
          {TIME_RANGES.map((range) => (
            <Button key={range} size="compact-sm" variant="default" onClick={() => choose(rangeStart(range))}>
              {range}
            </Button>
          ))}
        </div>
        <InstantInput
          size="xs"
          label="Received from (your zone)"
          value={receivedFrom}
          onChange={(at) => set({ receivedFrom: at })}
        />
        <InstantInput
          size="xs"
          label="Received to (your zone)"
          value={receivedTo}
          onChange={(at) => set({ receivedTo: at })}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

function clock(at: string | undefined, zone: "browser" | "utc"): string {
  return at === undefined ? "…" : absoluteTime(at, zone).slice(0, 16);
}
