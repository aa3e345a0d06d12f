import { Button } from "@mantine/core";
import { useState } from "react";
import type { Figure } from "../../../api/common.js";
import type { QueueList } from "../../../api/queues.js";
import type { WorkerDetail } from "../../../api/workers.js";
import { apiPath } from "../../api/client.js";
import { useApi } from "../../api/use-api.js";
import { AppLink, useOpenPath } from "../../components/app-link.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Icon } from "../../components/icon.js";
import { Name } from "../../components/name-text.js";
import { DisabledWhen } from "../../components/needs-role.js";
import { Empty } from "../../components/page-states.js";
import { paths } from "../../paths.js";
import { FigureValue } from "../queues/figure.js";
import { mergeQueues } from "../queues/queue-list.js";
import { OneLine } from "../tasks/task-columns.js";
import { ConsumerDialog, type ConsumerDraft } from "./consumer-dialog.js";
import { type OneWorkerOrders, type Order, useOrders } from "./use-orders.js";

const LIVE_QUEUES = { topics: ["queues"], merge: mergeQueues };

type WorkerQueue = WorkerDetail["queuesList"][number];
/** `ready` is undefined while the broker's queues are not known, and where it has none of the name. */
interface QueueRow extends WorkerQueue {
  readonly ready: Figure | undefined;
}

export interface WorkerQueuesProps {
  readonly worker: WorkerDetail;
  readonly orders: OneWorkerOrders;
}

/** The queues it consumes, and how it declared them. */
export function WorkerQueues({ worker, orders }: WorkerQueuesProps) {
  const openPath = useOpenPath();
  const queues = useReadyNow(worker.queuesList);
  const [adding, setAdding] = useState(false);
  const { inDialog } = useOrders(worker, (reply) => {
    orders.setReply(reply);
    setAdding(false);
  });
  const reason = orders.reason("consumers");
  const consume = (draft: ConsumerDraft) => ({ what: `Consume ${draft.queue}`, path: "consumers", body: { ...draft } });
  const leave = (queue: string) =>
    ({ what: `Stop consuming ${queue}`, path: apiPath`consumers/${queue}`, method: "delete" }) as const;
  const consumes = (queue: string) => `${worker.name} consumes ${queue}`;
  const left = (queue: string) => `${worker.name} no longer consumes ${queue}`;
  const add = (draft: ConsumerDraft): Order => ({
    ...consume(draft),
    reverse: { ...leave(draft.queue), did: consumes(draft.queue), undid: left(draft.queue) },
  });
  const cancel = (queue: WorkerQueue): Order => ({
    ...leave(queue.name),
    reverse: { ...consume(draftOf(queue)), did: left(queue.name), undid: consumes(queue.name) },
  });
  const offline = worker.status === "offline";
  return (
    <>
      <DataTable
        name="worker-queues"
        label="Queues that it consumes"
        columns={COLUMNS}
        rows={queues}
        rowKey={(queue) => queue.name}
        rowLink={(queue) => paths.queue(queue.name)}
        rowFaded={() => worker.status !== "online"}
        rowMenu={(queue) => [
          { label: "Open", icon: "eye", run: () => openPath(paths.queue(queue.name)) },
          ...(offline
            ? []
            : [
                {
                  label: "Cancel consumer",
                  icon: "minus" as const,
                  disabled: reason,
                  run: () => orders.action.run(cancel(queue)),
                },
              ]),
        ]}
        toolbar={
          !offline && (
            <DisabledWhen reason={reason}>
              <Button
                size="xs"
                variant="default"
                leftSection={<Icon name="plus" size={13} />}
                onClick={() => setAdding(true)}
              >
                Add consumer…
              </Button>
            </DisabledWhen>
          )
        }
        emptyState={
          <Empty title="It consumes no queue" icon="queues">
            Add a consumer, or start it with <code>-Q name</code>.
          </Empty>
        }
      />
      {adding && (
        <ConsumerDialog
          act="add"
          who={worker.name}
          onClose={() => setAdding(false)}
          onSubmit={(draft) => inDialog.run(add(draft))}
          pending={inDialog.pending}
          problem={inDialog.problem}
        />
      )}
    </>
  );
}

/** Workers do not know how much waits: the broker does. */
function useReadyNow(queues: readonly WorkerQueue[]): readonly QueueRow[] {
  const list = useApi<QueueList>("queues", {}, { live: LIVE_QUEUES, refetchEvery: 15 });
  const ready = new Map((list.data?.items ?? []).map((queue) => [queue.name, queue.ready]));
  return queues.map((queue) => ({ ...queue, ready: ready.get(queue.name) }));
}

/** The queue as it was consumed: for taking the cancelling back. */
function draftOf({ name, exchange, exchangeType, routingKey }: WorkerQueue): ConsumerDraft {
  const known = exchangeType === "direct" || exchangeType === "topic" || exchangeType === "fanout";
  return {
    queue: name,
    ...(exchange !== null && exchange !== "" && { exchange, ...(known && { exchangeType }) }),
    ...(routingKey !== null && routingKey !== "" && { routingKey }),
  };
}

const none = <span className="lv-none">–</span>;

const COLUMNS: readonly Column<QueueRow>[] = [
  {
    key: "name",
    title: "Queue",
    fixed: true,
    card: "title",
    cell: (queue) => (
      <AppLink to={paths.queue(queue.name)} className="lv-cut lv-task-name" title={queue.name}>
        <Name>{queue.name}</Name>
      </AppLink>
    ),
  },
  {
    key: "ready",
    title: "Ready now",
    align: "right",
    card: "field",
    cell: ({ ready }) => (ready ? <FigureValue figure={ready} /> : none),
  },
  {
    key: "exchange",
    title: "Exchange",
    card: "field",
    cell: ({ exchange, exchangeType }) =>
      exchange === null ? (
        none
      ) : (
        <span>
          <bdi>{exchange === "" ? "the default one" : exchange}</bdi>{" "}
          {exchangeType !== null && <span className="lv-muted">{exchangeType}</span>}
        </span>
      ),
  },
  {
    key: "routingKey",
    title: "Routing key",
    card: "field",
    cell: ({ routingKey }) => <OneLine text={routingKey} mono short />,
  },
  {
    key: "durable",
    title: "Durable",
    card: "field",
    cell: ({ durable }) => (durable === null ? none : durable ? "yes" : "no"),
  },
  {
    key: "arguments",
    title: "Arguments",
    cell: (queue) => (
      <OneLine text={Object.keys(queue.arguments).length === 0 ? null : JSON.stringify(queue.arguments)} mono />
    ),
  },
];
