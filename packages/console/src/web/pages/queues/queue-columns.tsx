import type { QueueSummary } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import type { Column } from "../../components/data-table.js";
import { Name } from "../../components/name-text.js";
import { Badge } from "../../components/state-badge.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import { DepthLine } from "./depth-line.js";
import { type FigureForm, FigureValue } from "./figure.js";
import { QueueState } from "./queue-state.js";

type FigureKey =
  | "ready"
  | "unacked"
  | "scheduled"
  | "total"
  | "oldestAge"
  | "consumers"
  | "inRate"
  | "deliverRate"
  | "ackRate"
  | "redeliverRate";

function figure(
  key: FigureKey,
  title: string,
  hint: string,
  form: FigureForm = "count",
  more: Partial<Column<QueueSummary>> = {},
): Column<QueueSummary> {
  return {
    key,
    title,
    sort: key,
    align: "right",
    hint,
    cell: (queue) => <FigureValue figure={queue[key]} form={form} />,
    ...more,
  };
}

/** The columns of the list of queues. */
export const QUEUE_COLUMNS: readonly Column<QueueSummary>[] = [
  {
    key: "name",
    title: "Queue",
    sort: "name",
    firstSort: "ascending",
    fixed: true,
    card: "title",
    cell: (queue) => (
      <span className="lv-with-copy">
        <AppLink to={paths.queue(queue.name)} className="lv-cut lv-task-name" title={queue.name}>
          <Name>{queue.name}</Name>
        </AppLink>
        {queue.internal && <Badge tone="quiet">internal</Badge>}
      </span>
    ),
  },
  {
    key: "state",
    title: "State",
    sort: "state",
    firstSort: "ascending",
    card: "field",
    cell: (queue) => <QueueState state={queue.state} />,
  },
  figure("ready", "Ready", "Messages that wait for a worker", "count", { card: "field" }),
  figure("unacked", "Unacked", "Messages that workers hold"),
  figure("scheduled", "Scheduled", "Messages that wait for their ETA"),
  figure("total", "Total", "Ready, unacked and scheduled"),
  figure("oldestAge", "Oldest", "How long the oldest ready message has waited", "age", { card: "field" }),
  figure("consumers", "Consumers", "Who takes from it", "count", { card: "field" }),
  figure("inRate", "In/s", "Messages that came, a second, over the last minute", "rate"),
  figure("deliverRate", "Deliver/s", "Messages that were handed out, a second, over the last minute", "rate"),
  figure("ackRate", "Ack/s", "Messages that were acknowledged, a second, over the last minute", "rate"),
  figure(
    "redeliverRate",
    "Redelivered/s",
    "Messages that were handed out again, a second, over the last minute",
    "rate",
  ),
  {
    key: "dead",
    title: "Dead",
    sort: "dead",
    align: "right",
    hint: "Dead letters that came from it",
    cell: ({ name, dead }) =>
      dead === 0 ? (
        <span className="lv-number lv-none">0</span>
      ) : (
        <AppLink to={paths.deadLetters({ queue: name })} className="lv-number lv-dead-count">
          {whole(dead)}
        </AppLink>
      ),
  },
  {
    key: "sparkline",
    title: "5 minutes",
    hint: "Ready messages in the last five minutes",
    cell: ({ name, sparkline }) => <DepthLine values={sparkline} name={name} />,
  },
];
