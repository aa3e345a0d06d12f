import { Button, NumberInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Slot, WorkerDetail } from "../../../api/workers.js";
import { AppLink } from "../../components/app-link.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Duration, durationText } from "../../components/duration.js";
import { Icon } from "../../components/icon.js";
import { sizeText } from "../../components/json-text.js";
import { DisabledWhen } from "../../components/needs-role.js";
import { Facts, Panel } from "../../components/page.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import { useNow } from "../../state/app-context.js";
import type { OneWorkerOrders, Order } from "./use-orders.js";

export interface WorkerPoolProps {
  readonly worker: WorkerDetail;
  readonly orders: OneWorkerOrders;
  readonly onRestart: () => void;
  readonly onShutDown: (cold: boolean) => void;
}

/** Where tasks run in it: how many slots there are, what each does, and how long that may go on. */
export function WorkerPool({ worker, orders, onRestart, onShutDown }: WorkerPoolProps) {
  const offline = worker.status === "offline";
  return (
    <div className="lv-stack">
      <div className={offline ? "" : "lv-two-panels"}>
        <Panel title="Pool" className="lv-task-facts">
          <Facts
            facts={[
              { name: "Kind", value: worker.pool },
              { name: "Size", value: worker.slots === null ? null : whole(worker.slots) },
              { name: "Busy", value: worker.busy === null ? null : whole(worker.busy) },
              {
                name: "Autoscale",
                value: worker.autoscale ? `${worker.autoscale.min} – ${worker.autoscale.max}` : "off",
              },
              { name: "Prefetch", value: worker.prefetch === null ? null : whole(worker.prefetch) },
              { name: "Max tasks", value: perChild(worker.maxTasksPerChild) },
              { name: "Max memory", value: perChild(memoryLimit(worker.maxMemoryPerChild)) },
            ]}
          />
        </Panel>
        {!offline && (
          <Panel title="Change it">
            <PoolControls worker={worker} orders={orders} onRestart={onRestart} onShutDown={onShutDown} />
          </Panel>
        )}
      </div>
      <Slots worker={worker} />
    </div>
  );
}

function perChild(limit: string | null): string {
  return limit === null ? "no limit" : `${limit} per child`;
}

/** `worker_max_memory_per_child` is in KiB. Source: Celery's settings. */
function memoryLimit(kibibytes: string | null): string | null {
  if (kibibytes === null) return null;
  const number = Number(kibibytes);
  return Number.isFinite(number) ? sizeText(number * 1024) : kibibytes;
}

function PoolControls({ worker, orders, onRestart, onShutDown }: WorkerPoolProps) {
  const { action, reason } = orders;
  const [n, setN] = useState<number | string>(1);
  const by = Number(n);
  const sized = Number.isInteger(by) && by >= 1;
  const resize = (verb: "grow" | "shrink") => {
    const [did, undid] = [`The pool grew by ${by}`, `The pool shrank by ${by}`];
    action.run({
      ...sizeOrder(verb, by),
      reverse:
        verb === "grow"
          ? { ...sizeOrder("shrink", by), did, undid }
          : { ...sizeOrder("grow", by), did: undid, undid: did },
    });
  };
  return (
    <div className="lv-stack">
      <ControlLine label="Size">
        <NumberInput aria-label="Slots" size="xs" min={1} max={1000} w={72} hideControls value={n} onChange={setN} />
        <DisabledWhen reason={reason("grow")}>
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name="plus" size={13} />}
            disabled={!sized || action.pending}
            onClick={() => resize("grow")}
          >
            {`Grow ${sized ? by : ""}`}
          </Button>
        </DisabledWhen>
        <DisabledWhen reason={reason("shrink")}>
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name="minus" size={13} />}
            disabled={!sized || action.pending}
            onClick={() => resize("shrink")}
          >
            {`Shrink ${sized ? by : ""}`}
          </Button>
        </DisabledWhen>
      </ControlLine>
      <Autoscale worker={worker} orders={orders} />
      <ControlLine label="Restart">
        <DisabledWhen reason={reason("restart")}>
          <Button size="xs" variant="default" leftSection={<Icon name="rerun" size={13} />} onClick={onRestart}>
            Restart pool…
          </Button>
        </DisabledWhen>
      </ControlLine>
      <ControlLine label="Shut down">
        <DisabledWhen reason={reason("shutdown")}>
          <Button size="xs" variant="light" color="red" onClick={() => onShutDown(false)}>
            Warm…
          </Button>
        </DisabledWhen>
        <DisabledWhen reason={reason("cold-shutdown")}>
          <Button size="xs" variant="light" color="red" onClick={() => onShutDown(true)}>
            Cold…
          </Button>
        </DisabledWhen>
      </ControlLine>
    </div>
  );
}

function sizeOrder(verb: "grow" | "shrink", n: number): Order {
  return { what: verb === "grow" ? `Grow by ${n}` : `Shrink by ${n}`, path: `pool/${verb}`, body: { n } };
}

function rangeOrder(min: number, max: number): Order {
  return { what: `Autoscale ${min} – ${max}`, path: "pool/autoscale", body: { min, max } };
}

function Autoscale({ worker, orders: { action, reason } }: Pick<WorkerPoolProps, "worker" | "orders">) {
  const [min, setMin] = useState<number | string>(worker.autoscale?.min ?? 1);
  const [max, setMax] = useState<number | string>(worker.autoscale?.max ?? worker.slots ?? 1);
  const [from, to] = [Number(min), Number(max)];
  const fits = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to >= Math.max(1, from);
  const disabled = reason("autoscale") !== null;
  const before = worker.autoscale;
  const said = (range: { readonly min: number; readonly max: number }) =>
    `The pool scales between ${range.min} and ${range.max}`;
  return (
    <ControlLine label="Autoscale">
      <NumberInput
        aria-label="Least slots"
        size="xs"
        min={0}
        w={72}
        hideControls
        value={min}
        disabled={disabled}
        onChange={setMin}
      />
      <span aria-hidden="true">–</span>
      <NumberInput
        aria-label="Most slots"
        size="xs"
        min={1}
        w={72}
        hideControls
        value={max}
        disabled={disabled}
        error={!fits}
        onChange={setMax}
      />
      <DisabledWhen reason={reason("autoscale")}>
        <Button
          size="xs"
          variant="default"
          disabled={!fits || action.pending}
          onClick={() =>
            action.run({
              ...rangeOrder(from, to),
              ...(before && {
                reverse: {
                  ...rangeOrder(before.min, before.max),
                  did: said({ min: from, max: to }),
                  undid: said(before),
                },
              }),
            })
          }
        >
          Set range
        </Button>
      </DisabledWhen>
    </ControlLine>
  );
}

/** The reason of a control that cannot be used is on hover and focus; where a whole line cannot, it is worth a sentence. */
function ControlLine({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="lv-control-line">
      <span className="lv-muted">{label}</span>
      <div className="lv-row-of">{children}</div>
    </div>
  );
}

/** A slot, with when its task began: so that the time that is left runs on between two answers. */
interface RunningSlot extends Slot {
  readonly startedMs: number | null;
  /** It stands still: the worker does not tell any more. */
  readonly still: boolean;
}

function Slots({ worker }: { readonly worker: WorkerDetail }) {
  const started = new Map(worker.activeTasks.map((task) => [task.id, task.started]));
  const slots = worker.slotsList.map((slot): RunningSlot => {
    const at = slot.taskId === null ? undefined : started.get(slot.taskId);
    return { ...slot, startedMs: at ? Date.parse(at) : null, still: worker.status !== "online" };
  });
  return (
    <DataTable
      name="worker-slots"
      label="Slots"
      columns={SLOT_COLUMNS}
      rows={slots}
      rowKey={(slot) => slot.id}
      rowFaded={(slot) => slot.still || slot.taskId === null}
      toolbar={<h2>Slots</h2>}
      emptyState={<p className="lv-quiet-line lv-muted">It has not told its slots yet.</p>}
    />
  );
}

function useElapsed({ startedMs, elapsed, still }: RunningSlot): number | null {
  const now = useNow();
  if (still || startedMs === null) return elapsed;
  return Math.max(0, Math.floor((now - startedMs) / 1000));
}

function Elapsed({ slot }: { readonly slot: RunningSlot }) {
  return <Duration seconds={useElapsed(slot)} />;
}

/** What is left until a limit, as a figure and a bar; red from the last fifth on. */
function Left({ slot, limit }: { readonly slot: RunningSlot; readonly limit: number | null }) {
  const elapsed = useElapsed(slot);
  if (slot.taskId === null) return null;
  if (limit === null) {
    return (
      <span className="lv-none" title="no limit, or none that the worker tells">
        –
      </span>
    );
  }
  if (elapsed === null) return <span className="lv-number">{durationText(limit)}</span>;
  const left = limit - elapsed;
  return (
    <span className={left < limit / 5 ? "lv-slots-in-use lv-nearly-over" : "lv-slots-in-use"}>
      <span className="lv-number">{left >= 0 ? durationText(left) : `over by ${durationText(-left)}`}</span>
      <span className="lv-meter" aria-hidden="true">
        <span style={{ width: `${Math.min(100, Math.max(0, (elapsed / limit) * 100))}%` }} />
      </span>
    </span>
  );
}

const SLOT_COLUMNS: readonly Column<RunningSlot>[] = [
  { key: "id", title: "Slot", width: "60px", cell: (slot) => <span className="lv-number">{slot.id}</span> },
  {
    key: "task",
    title: "Task",
    fixed: true,
    card: "title",
    cell: (slot) =>
      slot.taskId === null ? (
        "free"
      ) : (
        <AppLink to={paths.task(slot.taskId)} className="lv-cut lv-task-name" title={slot.taskId}>
          <bdi>{slot.taskName ?? slot.taskId}</bdi>
        </AppLink>
      ),
  },
  { key: "elapsed", title: "Elapsed", align: "right", card: "field", cell: (slot) => <Elapsed slot={slot} /> },
  {
    key: "soft",
    title: "Left to soft limit",
    card: "field",
    cell: (slot) => <Left slot={slot} limit={slot.softTimeLimit} />,
  },
  {
    key: "hard",
    title: "Left to hard limit",
    card: "field",
    cell: (slot) => <Left slot={slot} limit={slot.timeLimit} />,
  },
  {
    key: "finished",
    title: "Finished",
    align: "right",
    hint: "Tasks since the slot began",
    cell: (slot) =>
      slot.finished === null ? (
        <span className="lv-none">–</span>
      ) : (
        <span className="lv-number">{whole(slot.finished)}</span>
      ),
  },
  {
    key: "memory",
    title: "Memory",
    align: "right",
    cell: (slot) =>
      slot.memoryBytes === null ? (
        <span className="lv-none">–</span>
      ) : (
        <span className="lv-number">{sizeText(slot.memoryBytes)}</span>
      ),
  },
  {
    key: "pid",
    title: "pid",
    align: "right",
    card: "field",
    cell: (slot) =>
      slot.pid === null ? <span className="lv-none">–</span> : <span className="lv-number">{slot.pid}</span>,
  },
];
