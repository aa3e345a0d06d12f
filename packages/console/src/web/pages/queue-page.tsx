import { Button, Menu } from "@mantine/core";
import type { QueueDetail } from "../../api/queues.js";
import { apiPath } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page, Panel } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { shellWord } from "../components/shell-word.js";
import { whole } from "../components/table-texts.js";
import { TabsInUrl } from "../components/tabs-in-url.js";
import { Time } from "../components/time.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { texts } from "../texts.js";
import { type FigureForm, FigureValue } from "./queues/figure.js";
import { QueueBindings } from "./queues/queue-bindings.js";
import { QueueCharts } from "./queues/queue-charts.js";
import { QueueConsumers } from "./queues/queue-consumers.js";
import { hasBacklog, staleReason } from "./queues/queue-list.js";
import { QueueMessages } from "./queues/queue-messages.js";
import { QueueSettings } from "./queues/queue-settings.js";
import { PAUSE_MEANING, QueueState } from "./queues/queue-state.js";
import { type QueueActs, useQueueActs } from "./queues/use-queue-acts.js";
import { Callout } from "./tasks/callout.js";
import "./tasks/tasks.css";
import "./queues/queues.css";

/** One queue: what waits in it, who takes it, and how to get it moving. */
export function QueuePage({ name }: { readonly name: string }) {
  const openPath = useOpenPath();
  const acts = useQueueActs(() => openPath(paths.queues()));
  const answer = useApi<QueueDetail>(
    apiPath`queues/${name}`,
    {},
    { live: { topics: ["queues"], merge: mergeQueue(name) }, refetchEvery: 15 },
  );
  const queue = answer.data;
  const eyebrow = <AppLink to={paths.queues()}>{texts.nav.queues}</AppLink>;
  if (answer.error?.status === 404) {
    return (
      <Page title={name} eyebrow={eyebrow}>
        <Empty title="No such queue" icon="queues" action={<AppLink to={paths.queues()}>All queues</AppLink>}>
          The broker has none of this name. It appears when a worker or sender declares it.
        </Empty>
      </Page>
    );
  }
  return (
    <Page
      title={name}
      eyebrow={eyebrow}
      beside={queue && <QueueState state={queue.state} />}
      actions={queue && <QueueActions queue={queue} acts={acts} />}
    >
      {queue && <QueueNotes queue={queue} acts={acts} />}
      {acts.replies}
      <Loaded answer={answer} lines={12}>
        {(known) => (
          <>
            <QueueFigures queue={known} />
            <QueueCharts name={known.name} />
            <TabsInUrl
              label="Queue"
              tabs={[
                {
                  key: "messages",
                  title: "Messages",
                  content: () => <QueueMessages queue={known} onPurge={() => acts.purge(known)} />,
                },
                {
                  key: "consumers",
                  title: "Consumers",
                  count: known.consumersList.length,
                  content: () => <QueueConsumers queue={known} />,
                },
                {
                  key: "bindings",
                  title: "Bindings",
                  count: known.bindings.length,
                  content: () => <QueueBindings queue={known} />,
                },
                { key: "settings", title: "Settings", content: () => <QueueSettings queue={known} /> },
              ]}
            />
          </>
        )}
      </Loaded>
      {acts.dialog}
    </Page>
  );
}

function QueueActions({ queue, acts }: { readonly queue: QueueDetail; readonly acts: QueueActs }) {
  const openPath = useOpenPath();
  const admin = useMay("admin");
  const reason = !admin && <span className="lv-menu-reason">{texts.needsRole("admin")}</span>;
  return (
    <>
      <Button
        variant="default"
        leftSection={<Icon name="tasks" size={14} />}
        onClick={() => openPath(paths.tasks({ queue: queue.name }))}
      >
        Its tasks
      </Button>
      <NeedsRole role="operator">
        {queue.state === "paused" ? (
          <Button
            leftSection={<Icon name="play" size={14} />}
            loading={acts.pending}
            onClick={() => acts.resume([queue.name])}
          >
            Resume
          </Button>
        ) : (
          <Button
            variant="default"
            leftSection={<Icon name="pause" size={14} />}
            onClick={() => acts.pause([queue.name])}
          >
            Pause
          </Button>
        )}
      </NeedsRole>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<Icon name="chevron-down" size={13} />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="red" disabled={!admin} onClick={() => acts.purge(queue)}>
            Purge…{reason}
          </Menu.Item>
          <Menu.Item color="red" disabled={!admin} onClick={() => acts.remove(queue)}>
            Delete…{reason}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function QueueNotes({ queue, acts }: { readonly queue: QueueDetail; readonly acts: QueueActs }) {
  const stale = staleReason(queue);
  return (
    <>
      {stale !== undefined && (
        <Callout title="The broker does not answer" alert>
          <p>
            Figures are from <Time at={queue.sampledAt} />: {stale}.
          </p>
        </Callout>
      )}
      {queue.state === "paused" && (
        <Callout title="Paused">
          <p>{PAUSE_MEANING}</p>
          <NeedsRole role="operator">
            <Button
              size="compact-sm"
              variant="default"
              disabled={acts.pending}
              onClick={() => acts.resume([queue.name])}
            >
              Resume it
            </Button>
          </NeedsRole>
        </Callout>
      )}
      {queue.state === "no-consumer" && hasBacklog(queue) && (
        <Callout title="Messages wait, and nobody takes them">
          <p>
            Start a worker with <code>-Q {shellWord(queue.name)}</code>, or add a consumer on{" "}
            <AppLink to={paths.workers()}>one that runs</AppLink>.
          </p>
        </Callout>
      )}
    </>
  );
}

type FigureName =
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

const FIGURES: readonly { readonly key: FigureName; readonly title: string; readonly form?: FigureForm }[] = [
  { key: "ready", title: "Ready" },
  { key: "unacked", title: "Unacked" },
  { key: "scheduled", title: "Scheduled" },
  { key: "total", title: "Total" },
  { key: "oldestAge", title: "Oldest", form: "age" },
  { key: "consumers", title: "Consumers" },
  { key: "inRate", title: "In/s", form: "rate" },
  { key: "deliverRate", title: "Deliver/s", form: "rate" },
  { key: "ackRate", title: "Ack/s", form: "rate" },
  { key: "redeliverRate", title: "Redelivered/s", form: "rate" },
];

function QueueFigures({ queue }: { readonly queue: QueueDetail }) {
  return (
    <Panel>
      <dl className="lv-tile-row">
        {FIGURES.map(({ key, title, form = "count" }) => (
          <div key={key}>
            <dt>{title}</dt>
            <dd>
              <FigureValue figure={queue[key]} form={form} />
            </dd>
          </div>
        ))}
        <div>
          <dt>Dead</dt>
          <dd>
            {queue.dead === 0 ? (
              <span className="lv-none">0</span>
            ) : (
              <AppLink to={paths.deadLetters({ queue: queue.name })} className="lv-dead-count">
                {whole(queue.dead)}
              </AppLink>
            )}
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

/** Figures come with each sample; consumers and bindings are asked for when its state changes, and every few seconds. */
function mergeQueue(name: string) {
  return (queue: QueueDetail, events: readonly LiveEvent[]): QueueDetail | "refetch" => {
    const last = events.findLast((event) => event.event === "queue" && event.data.name === name);
    if (last?.event !== "queue") return queue;
    return last.data.state === queue.state ? { ...queue, ...last.data } : "refetch";
  };
}
