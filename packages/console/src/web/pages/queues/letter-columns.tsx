import type { DeadLetterItem } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import type { Column } from "../../components/data-table.js";
import { sizeText } from "../../components/json-text.js";
import { Badge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { OneLine } from "../tasks/task-columns.js";
import { reasonText } from "./death-reason.js";

/** How often a letter was replayed before it died again; its earlier deaths are in its task's timeline. */
export function Replayed({ letter }: { readonly letter: DeadLetterItem }) {
  if (letter.replayed === 0) return <span className="lv-none">–</span>;
  const text = letter.replayed === 1 ? "once" : `${letter.replayed} ×`;
  return (
    <span className="lv-with-copy">
      <Badge tone="warning" sign="↻" title="It was replayed, and died again">
        {text}
      </Badge>
      {letter.id !== null && (
        <AppLink
          to={paths.task(letter.id, { tab: "timeline" })}
          aria-label={`Earlier deaths of ${letter.id}`}
          title="Its earlier deaths, in the timeline of the task"
        >
          earlier
        </AppLink>
      )}
    </span>
  );
}

function Id({ letter: { id } }: { readonly letter: DeadLetterItem }) {
  if (id === null) return <span className="lv-none">–</span>;
  return (
    <span className="lv-with-copy">
      <AppLink to={paths.task(id)} className="lv-mono lv-cut lv-cut-id" title={id}>
        <bdi>{id}</bdi>
      </AppLink>
      <CopyButton text={id} label="Copy the id" />
    </span>
  );
}

/** The columns of the list of dead letters. */
export const LETTER_COLUMNS: readonly Column<DeadLetterItem>[] = [
  {
    key: "task",
    title: "Task or topic",
    sort: "task",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: ({ task }) => (task === null ? <span className="lv-muted">not decodable</span> : <OneLine text={task} />),
  },
  { key: "id", title: "Id", cell: (letter) => <Id letter={letter} /> },
  {
    key: "queue",
    title: "From queue",
    sort: "queue",
    firstSort: "ascending",
    card: "field",
    cell: ({ queue }) => (
      <AppLink to={paths.queue(queue)} className="lv-cut lv-cut-short" title={queue}>
        <bdi>{queue}</bdi>
      </AppLink>
    ),
  },
  {
    key: "reason",
    title: "Reason",
    sort: "reason",
    firstSort: "ascending",
    card: "field",
    cell: ({ reason }) => (
      <Badge tone="bad" title={reason}>
        {reasonText(reason)}
      </Badge>
    ),
  },
  { key: "error", title: "Error", cell: ({ error }) => <OneLine text={error} /> },
  {
    key: "deliveries",
    title: "Deliveries",
    sort: "deliveries",
    align: "right",
    cell: ({ deliveries }) => <span className="lv-number">{deliveries}</span>,
  },
  { key: "died", title: "Died", sort: "died", card: "field", cell: ({ died }) => <Time at={died} focusable={false} /> },
  {
    key: "worker",
    title: "Worker",
    sort: "worker",
    firstSort: "ascending",
    cell: ({ worker }) =>
      worker === "" ? (
        <span className="lv-none">–</span>
      ) : (
        <AppLink to={paths.worker(worker)} className="lv-cut lv-cut-short" title={worker}>
          <bdi>{worker}</bdi>
        </AppLink>
      ),
  },
  {
    key: "size",
    title: "Size",
    sort: "size",
    align: "right",
    cell: ({ sizeBytes }) => <span className="lv-number">{sizeText(sizeBytes)}</span>,
  },
  {
    key: "replayed",
    title: "Replayed",
    sort: "replayed",
    card: "field",
    cell: (letter) => <Replayed letter={letter} />,
  },
];
