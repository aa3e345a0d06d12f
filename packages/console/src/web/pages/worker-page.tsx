import { useState } from "react";
import type { WorkerDetail } from "../../api/workers.js";
import { apiPath } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { Page } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { ReplyStrip } from "../components/reply-strip.js";
import { TabsInUrl } from "../components/tabs-in-url.js";
import { paths } from "../paths.js";
import { texts } from "../texts.js";
import { ShutDownDialog } from "./workers/shutdown-dialog.js";
import { useOrders } from "./workers/use-orders.js";
import { useWorkerOrders } from "./workers/use-worker-orders.js";
import { WorkerActions, WorkerFacts, WorkerNotes } from "./workers/worker-header.js";
import { WorkerHistory } from "./workers/worker-history.js";
import { WorkerLimits } from "./workers/worker-limits.js";
import { WorkerPool } from "./workers/worker-pool.js";
import { WorkerQueues } from "./workers/worker-queues.js";
import { WorkerSettings } from "./workers/worker-settings.js";
import { WorkerStatistics } from "./workers/worker-statistics.js";
import { WorkerStatus } from "./workers/worker-status.js";
import { WorkerTasks } from "./workers/worker-tasks.js";
import "./tasks/tasks.css";
import "./workers/workers.css";

/** One worker: what it does, with what, and what it can be told. */
export function WorkerPage({ name }: { readonly name: string }) {
  const answer = useApi<WorkerDetail>(
    apiPath`workers/${name}`,
    {},
    { live: { topics: ["workers"], merge: mergeWorker(name) }, refetchEvery: 5 },
  );
  const eyebrow = <AppLink to={paths.workers()}>{texts.nav.workers}</AppLink>;
  if (answer.error?.status === 404) {
    return (
      <Page title={name} eyebrow={eyebrow}>
        <Empty title="No such worker" icon="workers" action={<AppLink to={paths.workers()}>All workers</AppLink>}>
          None of this name has been heard of, or it was forgotten.
        </Empty>
      </Page>
    );
  }
  if (answer.data === undefined) {
    return (
      <Page title={name} eyebrow={eyebrow}>
        <Loaded answer={answer} lines={12}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <KnownWorker worker={answer.data} error={answer.error} refetch={() => void answer.refetch()} />;
}

interface KnownWorkerProps {
  readonly worker: WorkerDetail;
  readonly error: unknown;
  readonly refetch: () => void;
}

function KnownWorker({ worker, error, refetch }: KnownWorkerProps) {
  const [shuttingDown, setShuttingDown] = useState<"warm" | "cold">();
  const orders = useOrders(worker, () => setShuttingDown(undefined));
  const bulk = useWorkerOrders();
  return (
    <Page
      title={worker.name}
      eyebrow={<AppLink to={paths.workers()}>{texts.nav.workers}</AppLink>}
      beside={<WorkerStatus status={worker.status} />}
      actions={worker.status !== "offline" && <WorkerActions worker={worker} orders={orders} />}
    >
      <WorkerNotes worker={worker} orders={orders} onForget={() => bulk.forget([worker.name])} />
      <ReplyStrip reply={orders.reply} onClose={() => orders.setReply(undefined)} />
      {bulk.replies}
      <div className={worker.status === "online" ? "lv-stack" : "lv-stack lv-old-figures"}>
        <WorkerFacts worker={worker} />
        <Loaded answer={{ data: worker, error, refetch }}>
          {(known) => (
            <TabsInUrl
              label="Worker"
              tabs={[
                {
                  key: "pool",
                  title: "Pool",
                  content: () => (
                    <WorkerPool
                      worker={known}
                      orders={orders}
                      onRestart={() => bulk.restart([known.name])}
                      onShutDown={(cold) => setShuttingDown(cold ? "cold" : "warm")}
                    />
                  ),
                },
                {
                  key: "queues",
                  title: "Queues",
                  count: known.queuesList.length,
                  content: () => <WorkerQueues worker={known} orders={orders} />,
                },
                {
                  key: "tasks",
                  title: "Tasks",
                  count:
                    known.activeTasks.length +
                    (known.reserved ?? known.reservedTasks.length) +
                    known.scheduledTasks.length,
                  content: () => <WorkerTasks worker={known} orders={orders} />,
                },
                { key: "limits", title: "Limits", content: () => <WorkerLimits worker={known} orders={orders} /> },
                { key: "statistics", title: "Statistics", content: () => <WorkerStatistics worker={known} /> },
                { key: "settings", title: "Settings", content: () => <WorkerSettings worker={known} /> },
                { key: "history", title: "History", content: () => <WorkerHistory worker={known} /> },
              ]}
            />
          )}
        </Loaded>
      </div>
      {shuttingDown !== undefined && (
        <ShutDownDialog
          names={[worker.name]}
          cold={shuttingDown === "cold"}
          coldReason={worker.controls["cold-shutdown"]?.reason ?? null}
          onClose={() => setShuttingDown(undefined)}
          onConfirm={(cold) =>
            orders.inDialog.run({ what: cold ? "Shut down cold" : "Shut down", path: "shutdown", body: { cold } })
          }
          pending={orders.inDialog.pending}
          problem={orders.inDialog.problem}
        />
      )}
      {bulk.dialog}
    </Page>
  );
}

/** Figures of the list come with the stream; the rest is asked for every few seconds. */
function mergeWorker(name: string) {
  return (worker: WorkerDetail, events: readonly LiveEvent[]): WorkerDetail | "refetch" => {
    const last = events.findLast((event) => event.event === "worker" && event.data.name === name);
    if (last?.event !== "worker") return worker;
    // Coming, going and being forgotten change what can be done with it.
    if ("gone" in last.data || last.data.status !== worker.status) return "refetch";
    return { ...worker, ...last.data };
  };
}
