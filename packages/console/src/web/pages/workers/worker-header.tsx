import { Button } from "@mantine/core";
import type { WorkerDetail } from "../../../api/workers.js";
import { AppLink } from "../../components/app-link.js";
import { durationText } from "../../components/duration.js";
import { Icon } from "../../components/icon.js";
import { DisabledWhen, NeedsRole } from "../../components/needs-role.js";
import { Facts, Panel } from "../../components/page.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { Callout } from "../tasks/callout.js";
import type { OneWorkerOrders, Order } from "./use-orders.js";
import { SlotsInUse } from "./worker-columns.js";
import { kindText, useAgo } from "./worker-status.js";

/** Clocks further apart than this make times of tasks misleading. In seconds. */
const SKEW = 16;

/** Ping, refresh, events: of a worker that is not offline. */
export function WorkerActions({ worker, orders }: { readonly worker: WorkerDetail; readonly orders: OneWorkerOrders }) {
  const { action, reason } = orders;
  const on = worker.events === true;
  return (
    <>
      <DisabledWhen reason={reason("ping")}>
        <Button variant="default" loading={action.pending} onClick={() => action.run({ what: "Ping", path: "ping" })}>
          Ping
        </Button>
      </DisabledWhen>
      <DisabledWhen reason={reason("refresh")}>
        <Button
          variant="default"
          leftSection={<Icon name="refresh" size={14} />}
          disabled={action.pending}
          onClick={() => action.run({ what: "Refresh", path: "refresh" })}
        >
          Refresh
        </Button>
      </DisabledWhen>
      <DisabledWhen reason={reason("events")}>
        <Button variant="default" disabled={action.pending} onClick={() => action.run(eventsOrder(!on))}>
          {on ? "Disable events" : "Enable events"}
        </Button>
      </DisabledWhen>
    </>
  );
}

/** Switches its events, and offers to switch them back. */
function eventsOrder(enabled: boolean): Order {
  const order = (on: boolean): Order => ({
    what: on ? "Events on" : "Events off",
    path: "events",
    body: { enabled: on },
  });
  const said = (on: boolean) => (on ? "Its events are on" : "Its events are off");
  return { ...order(enabled), reverse: { ...order(!enabled), did: said(enabled), undid: said(!enabled) } };
}

/** What must be known before any figure is read: that it is old, or that something is amiss. */
export function WorkerNotes({
  worker,
  orders,
  onForget,
}: {
  readonly worker: WorkerDetail;
  readonly orders: OneWorkerOrders;
  readonly onForget: () => void;
}) {
  const seen = useAgo(worker.lastHeartbeat);
  const figures = useAgo(worker.figuresAt);
  if (worker.status === "offline") {
    return (
      <Callout title={`Offline: last seen ${seen}`}>
        <p>
          All figures are from then (<Time at={worker.figuresAt} />
          ), and it can be told nothing. Its tasks stay after it is forgotten.
        </p>
        <NeedsRole role="operator">
          <Button size="compact-sm" variant="default" leftSection={<Icon name="trash" size={13} />} onClick={onForget}>
            Forget it…
          </Button>
        </NeedsRole>
      </Callout>
    );
  }
  return (
    <>
      {worker.status === "silent" && (
        <Callout title={`Silent: its last heartbeat came ${seen}`}>
          <p>
            Its figures are from {figures}. What it ran is counted as lost once its heartbeat has expired, and corrected
            should it come back.
          </p>
        </Callout>
      )}
      {worker.events === false && (
        <Callout title="Its events are off">
          <p>Its tasks are seen only where their results are kept: states, timings and progress are missing.</p>
          <DisabledWhen reason={orders.reason("events")}>
            <Button size="compact-sm" variant="default" onClick={() => orders.action.run(eventsOrder(true))}>
              Enable events
            </Button>
          </DisabledWhen>
        </Callout>
      )}
      {worker.clockSkew !== null && Math.abs(worker.clockSkew) > SKEW && (
        <Callout
          title={`Its clock is ${durationText(Math.abs(worker.clockSkew))} ${worker.clockSkew > 0 ? "ahead" : "behind"}`}
        >
          <p>Times that it tells are off by that much: set its clock by NTP.</p>
        </Callout>
      )}
      {worker.unanswered.length > 0 && (
        <p className="lv-muted">
          Left unanswered when it was last asked: {worker.unanswered.join(", ")}. What is shown of these is from before.
        </p>
      )}
    </>
  );
}

/** Host, pid, version, start, and what it is doing in short. */
export function WorkerFacts({ worker }: { readonly worker: WorkerDetail }) {
  return (
    <Panel>
      <Facts
        facts={[
          { name: "Host", value: <bdi>{worker.host}</bdi> },
          { name: "Process", value: worker.pid === null ? null : <span className="lv-number">pid {worker.pid}</span> },
          { name: "Version", value: kindText(worker) },
          { name: "System", value: worker.system },
          { name: "Started", value: <Time at={worker.startedAt} show="both" /> },
          { name: "Heartbeat", value: <Time at={worker.lastHeartbeat} /> },
          { name: "Figures", value: <Time at={worker.figuresAt} /> },
          { name: "Slots", value: <SlotsInUse busy={worker.busy} slots={worker.slots} /> },
          {
            name: "Tasks",
            value: <AppLink to={paths.tasks({ worker: worker.name })}>open those it was seen with</AppLink>,
          },
        ]}
      />
    </Panel>
  );
}
