import type { QueueDetail } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Empty } from "../../components/page-states.js";
import { shellWord } from "../../components/shell-word.js";
import { paths } from "../../paths.js";
import { OneLine } from "../tasks/task-columns.js";

type QueueConsumer = QueueDetail["consumersList"][number];

/** Who takes from it. */
export function QueueConsumers({ queue }: { readonly queue: QueueDetail }) {
  return (
    <DataTable
      name="queue-consumers"
      label={`Consumers of ${queue.name}`}
      columns={COLUMNS}
      rows={queue.consumersList}
      rowKey={({ worker, tag }) => `${worker} ${tag ?? ""}`}
      rowLink={({ worker }) => paths.worker(worker, { tab: "queues" })}
      emptyState={
        <Empty
          title="Nobody consumes it"
          icon="workers"
          code={`npx lovage worker --app ./tasks.ts -Q ${shellWord(queue.name)}`}
          action={<AppLink to={paths.workers()}>Add a consumer to a worker that runs</AppLink>}
        >
          {queue.state === "paused" ? "It is paused: resume it." : "Messages stay until a worker takes from it."}
        </Empty>
      }
    />
  );
}

const none = <span className="lv-none">–</span>;

const COLUMNS: readonly Column<QueueConsumer>[] = [
  {
    key: "worker",
    title: "Worker",
    fixed: true,
    card: "title",
    cell: ({ worker }) => (
      <AppLink to={paths.worker(worker)} className="lv-cut lv-task-name" title={worker}>
        <bdi>{worker}</bdi>
      </AppLink>
    ),
  },
  {
    key: "tag",
    title: "Tag",
    card: "field",
    cell: ({ tag }) =>
      tag === null ? (
        <span className="lv-none" title="workers do not tell their consumers' tags">
          –
        </span>
      ) : (
        <OneLine text={tag} mono short />
      ),
  },
  {
    key: "prefetch",
    title: "Prefetch",
    align: "right",
    card: "field",
    hint: "Messages that it holds at most",
    cell: ({ prefetch }) => prefetch ?? none,
  },
  {
    key: "ack",
    title: "Acknowledges",
    card: "field",
    cell: ({ ack }) => (ack === null ? none : ack ? "yes" : "no"),
  },
  {
    key: "active",
    title: "Active",
    align: "right",
    card: "field",
    hint: "Tasks of this queue that it runs",
    cell: ({ active }) => active ?? none,
  },
];
