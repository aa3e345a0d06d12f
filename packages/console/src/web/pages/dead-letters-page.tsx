import { Button, Modal, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { DeadLetterItem, DeadLetterPage } from "../../api/queues.js";
import { apiUrl } from "../api/client.js";
import { useOpenPath } from "../components/app-link.js";
import { DataTable, type RowAction } from "../components/data-table.js";
import { FilterBar, type FilterChip, useFilters } from "../components/filter-bar.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { SearchBox } from "../components/search-box.js";
import { useLiveList } from "../components/use-live-list.js";
import { useSelectedRows } from "../components/use-selected-rows.js";
import { type Selection, useSelection } from "../components/use-selection.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { saveText } from "../state/save-text.js";
import { texts } from "../texts.js";
import { reasonText } from "./queues/death-reason.js";
import { LETTER_COLUMNS } from "./queues/letter-columns.js";
import { LetterDetail } from "./queues/letter-detail.js";
import { type LetterActs, type Letters, useLetterActs } from "./queues/use-letter-acts.js";
import "./tasks/tasks.css";
import "./queues/queues.css";

const KEYS = ["q", "task", "queue", "reason", "worker"] as const;
type Key = (typeof KEYS)[number];
const LABELS: Readonly<Record<Key, string>> = {
  q: "Search",
  task: "Task",
  queue: "Queue",
  reason: "Reason",
  worker: "Worker",
};
/** Seconds between looks: some brokers show messages only by taking them for a moment. */
const LOOK_EVERY = 15;

/** Messages that could not be run: where and why they died, and how they get another go. */
export function DeadLettersPage() {
  const { values, set, clear, active } = useFilters(KEYS);
  const [shown, setShown] = useState<DeadLetterItem>();
  const list = useLiveList<DeadLetterItem, DeadLetterPage>({
    name: "dead-letters",
    path: "dead-letters",
    filters: values,
    rowKey: ({ key }) => key,
    defaultSort: "-died",
    refetchEvery: LOOK_EVERY,
  });
  const selection = useSelection(JSON.stringify(values));
  const acts = useLetterActs(selection.clear);
  const menu = useLetterMenu(acts, setShown);
  const rows = list.page?.items ?? [];
  const count = list.page?.total.count ?? null;
  return (
    <Page
      title={texts.nav.deadLetters}
      lead="Messages that could not be run. They are kept until they are replayed or deleted."
      actions={<PageActions acts={acts} letters={{ filter: values, count }} any={rows.length > 0} filter={values} />}
    >
      <FilterBar chips={chipsOf(values, set)} onClear={clear} views={{ page: "dead-letters", keys: KEYS }}>
        <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search dead letters" />
        <LetterSelects values={values} set={set} facets={list.page?.facets} />
      </FilterBar>
      {acts.replies}
      <div className="lv-wide">
        <DataTable
          {...list.table}
          label="Dead letters"
          columns={LETTER_COLUMNS}
          onOpen={setShown}
          rowMenu={menu}
          selection={selection}
          bulk={() => <LetterBulk selection={selection} rows={rows} count={count} filter={values} acts={acts} />}
          onClearFilters={active ? clear : undefined}
          emptyState={
            <Empty title="No dead letters" icon="circle-check">
              Good news: every message could be run. Those that cannot, even when tried again, come here.
            </Empty>
          }
        />
      </div>
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={shown?.task ?? "Dead letter"}
        size="xl"
      >
        {shown && <LetterDetail letter={shown} />}
      </Modal>
      {acts.dialog}
    </Page>
  );
}

type Values = Partial<Record<Key, string>>;
type SetFilter = ReturnType<typeof useFilters<Key>>["set"];

function chipsOf(values: Values, set: SetFilter): FilterChip[] {
  return KEYS.flatMap((key) =>
    values[key] === undefined
      ? []
      : [
          {
            key,
            label: LABELS[key],
            value: key === "reason" ? reasonText(values[key]) : values[key],
            remove: () => set({ [key]: undefined }),
          },
        ],
  );
}

interface LetterSelectsProps {
  readonly values: Values;
  readonly set: SetFilter;
  readonly facets: DeadLetterPage["facets"] | undefined;
}

function LetterSelects({ values, set, facets }: LetterSelectsProps) {
  const choices = {
    task: facets?.tasks ?? [],
    queue: facets?.queues ?? [],
    reason: facets?.reasons ?? [],
    worker: facets?.workers ?? [],
  };
  return (["task", "queue", "reason", "worker"] as const).map((key) => {
    const chosen = values[key];
    const known = chosen === undefined || choices[key].includes(chosen) ? choices[key] : [chosen, ...choices[key]];
    return (
      <NativeSelect
        key={key}
        size="xs"
        aria-label={LABELS[key]}
        className="lv-facet"
        value={chosen ?? ""}
        data={[
          { value: "", label: `Any ${LABELS[key].toLowerCase()}` },
          ...known.map((value) => (key === "reason" ? { value, label: reasonText(value) } : value)),
        ]}
        onChange={(event) => set({ [key]: event.currentTarget.value || undefined })}
      />
    );
  });
}

interface PageActionsProps {
  readonly acts: LetterActs;
  readonly letters: Letters;
  readonly filter: Values;
  readonly any: boolean;
}

/** What can be done with all that match, without selecting them first. */
function PageActions({ acts, letters, filter, any }: PageActionsProps) {
  if (!any) return null;
  return (
    <>
      <DownloadLink filter={filter} />
      <NeedsRole role="operator">
        <Button leftSection={<Icon name="rerun" size={14} />} onClick={() => acts.replay(letters)}>
          Replay all…
        </Button>
      </NeedsRole>
      <NeedsRole role="admin">
        <Button
          variant="light"
          color="red"
          leftSection={<Icon name="trash" size={14} />}
          onClick={() => acts.remove(letters)}
        >
          Delete all…
        </Button>
      </NeedsRole>
    </>
  );
}

function DownloadLink({ filter }: { readonly filter: Values }) {
  return (
    <Button
      component="a"
      href={apiUrl("dead-letters/download", filter)}
      download
      variant="default"
      leftSection={<Icon name="download" size={14} />}
    >
      Download
    </Button>
  );
}

interface LetterBulkProps {
  readonly selection: Selection;
  readonly rows: readonly DeadLetterItem[];
  readonly count: number | null;
  readonly filter: Values;
  readonly acts: LetterActs;
}

function LetterBulk({ selection, rows, count, filter, acts }: LetterBulkProps) {
  const selected = useSelectedRows(selection, rows, letterKey);
  const letters: Letters = selection.allMatching
    ? { filter, count }
    : { keys: [...selection.keys], count: selection.keys.size };
  return (
    <>
      <NeedsRole role="operator">
        <Button size="compact-sm" variant="default" disabled={acts.pending} onClick={() => acts.replay(letters)}>
          Replay…
        </Button>
      </NeedsRole>
      <NeedsRole role="admin">
        <Button
          size="compact-sm"
          variant="default"
          c="var(--lv-tone-bad)"
          disabled={acts.pending}
          onClick={() => acts.remove(letters)}
        >
          Delete…
        </Button>
      </NeedsRole>
      {selection.allMatching ? (
        <Button
          component="a"
          href={apiUrl("dead-letters/download", filter)}
          download
          size="compact-sm"
          variant="default"
        >
          Download
        </Button>
      ) : (
        <Button size="compact-sm" variant="default" onClick={() => saveLetters(selected)}>
          Download
        </Button>
      )}
    </>
  );
}

function letterKey({ key }: DeadLetterItem): string {
  return key;
}

/** As the server's own download: a line of JSON each. */
function saveLetters(letters: readonly DeadLetterItem[]): void {
  const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join("");
  saveText("dead-letters.jsonl", lines, "application/x-ndjson");
}

/** What can be done with one of them. */
function useLetterMenu(
  acts: LetterActs,
  open: (letter: DeadLetterItem) => void,
): (letter: DeadLetterItem) => readonly RowAction[] {
  const openPath = useOpenPath();
  const operator = useMay("operator") ? null : texts.needsRole("operator");
  const admin = useMay("admin") ? null : texts.needsRole("admin");
  return (letter) => {
    const letters: Letters = { keys: [letter.key], count: 1 };
    return [
      { label: "Look inside", icon: "eye", run: () => open(letter) },
      {
        label: "Open the task",
        icon: "tasks",
        disabled: letter.id === null ? "it names no task id" : null,
        run: () => openPath(paths.task(letter.id ?? "")),
      },
      { label: "Replay", icon: "rerun", disabled: operator, run: () => acts.replayOne(letter.key) },
      { label: "Replay to…", icon: "send", disabled: operator, run: () => acts.replay(letters) },
      { label: "Download", icon: "download", run: () => saveLetters([letter]) },
      { label: "Delete…", icon: "trash", danger: true, disabled: admin, run: () => acts.remove(letters) },
    ];
  };
}
