import type { QueueMessage } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import type { Column } from "../../components/data-table.js";
import { sizeText } from "../../components/json-text.js";
import { Badge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { OneLine } from "../tasks/task-columns.js";

const none = <span className="lv-none">–</span>;

/** Columns of messages: with their arguments read, or with their bodies as they came. */
export function messageColumns(form: "decoded" | "raw"): readonly Column<QueueMessage>[] {
  return [...FIRST, ...(form === "decoded" ? DECODED : RAW), ...LAST];
}

const FIRST: readonly Column<QueueMessage>[] = [
  {
    key: "position",
    title: "#",
    align: "right",
    width: "48px",
    hint: "Place in the queue",
    cell: ({ position }) => <span className="lv-number">{position}</span>,
  },
  {
    key: "task",
    title: "Task",
    fixed: true,
    card: "title",
    cell: ({ task, id, state }) => (
      <span className="lv-with-copy">
        {task === null ? (
          <span className="lv-muted">not told</span>
        ) : id === null ? (
          <OneLine text={task} />
        ) : (
          <AppLink to={paths.task(id)} className="lv-cut lv-task-name" title={task}>
            <bdi>{task}</bdi>
          </AppLink>
        )}
        {state !== "ready" && <Badge tone="planned">{state}</Badge>}
      </span>
    ),
  },
  {
    key: "id",
    title: "Id",
    card: "field",
    cell: ({ id }) =>
      id === null ? (
        none
      ) : (
        <bdi className="lv-mono lv-cut lv-cut-id" title={id}>
          {id}
        </bdi>
      ),
  },
];

const DECODED: readonly Column<QueueMessage>[] = [
  { key: "args", title: "Args", card: "field", cell: ({ args }) => <OneLine text={args} mono short /> },
  { key: "kwargs", title: "Kwargs", cell: ({ kwargs }) => <OneLine text={kwargs} mono short /> },
];

const RAW: readonly Column<QueueMessage>[] = [
  {
    key: "body",
    title: "Body",
    card: "field",
    cell: ({ bodyText }) => <OneLine text={bodyText.slice(0, 400)} mono />,
  },
  {
    key: "content",
    title: "Content",
    cell: ({ contentType, contentEncoding }) => <OneLine text={`${contentType} ${contentEncoding}`.trim()} short />,
  },
];

const LAST: readonly Column<QueueMessage>[] = [
  { key: "priority", title: "Priority", align: "right", cell: ({ priority }) => priority ?? none },
  { key: "eta", title: "ETA", cell: ({ eta }) => <Time at={eta} focusable={false} /> },
  { key: "expires", title: "Expires", cell: ({ expires }) => <Time at={expires} focusable={false} /> },
  {
    key: "size",
    title: "Size",
    align: "right",
    card: "field",
    cell: ({ sizeBytes }) => <span className="lv-number">{sizeText(sizeBytes)}</span>,
  },
  {
    key: "deliveries",
    title: "Deliveries",
    align: "right",
    cell: ({ deliveries }) => <span className="lv-number">{deliveries}</span>,
  },
  { key: "sent", title: "Sent", card: "field", cell: ({ sent }) => <Time at={sent} focusable={false} /> },
  { key: "origin", title: "Origin", cell: ({ origin }) => <OneLine text={origin} short /> },
];
