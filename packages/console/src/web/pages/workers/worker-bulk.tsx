import { Button, Menu } from "@mantine/core";
import type { WorkerSummary } from "../../../api/workers.js";
import { Icon } from "../../components/icon.js";
import { NeedsRole } from "../../components/needs-role.js";
import { useMay } from "../../state/app-context.js";
import { texts } from "../../texts.js";
import type { WorkerOrders } from "./use-worker-orders.js";

/** What can be done with the workers that are selected: those that are offline can only be forgotten. */
export function WorkerBulk({
  selected,
  orders,
}: {
  readonly selected: readonly WorkerSummary[];
  readonly orders: WorkerOrders;
}) {
  const there = selected.filter(({ status }) => status !== "offline").map(({ name }) => name);
  const otherThan = (enabled: boolean) => selected.filter(({ events }) => events === !enabled).map(({ name }) => name);
  const gone = selected.filter(({ status }) => status === "offline").map(({ name }) => name);
  return (
    <>
      {there.length > 0 && (
        <>
          <OrderButton label={`Ping ${there.length}`} run={() => orders.ping(there)} pending={orders.pending} />
          <OrderButton label="Refresh" run={() => orders.refresh(there)} pending={orders.pending} />
          <OrderMenu
            label="Events"
            entries={[
              { label: "Enable events", run: () => orders.events(there, true, otherThan(true)) },
              { label: "Disable events", run: () => orders.events(there, false, otherThan(false)) },
            ]}
          />
          <OrderMenu
            label="Consumers"
            entries={[
              { label: "Add consumer…", run: () => orders.addConsumer(there) },
              { label: "Cancel consumer…", run: () => orders.cancelConsumer(there) },
            ]}
          />
          <OrderButton label="Restart pool…" run={() => orders.restart(there)} pending={orders.pending} />
          <OrderButton label="Shut down…" danger run={() => orders.shutDown(there)} pending={orders.pending} />
        </>
      )}
      {gone.length > 0 && (
        <OrderButton
          label={`Forget ${gone.length} offline…`}
          danger
          run={() => orders.forget(gone)}
          pending={orders.pending}
        />
      )}
    </>
  );
}

interface OrderButtonProps {
  readonly label: string;
  readonly run: () => void;
  readonly pending: boolean;
  readonly danger?: boolean;
}

function OrderButton({ label, run, pending, danger = false }: OrderButtonProps) {
  return (
    <NeedsRole role="operator">
      <Button
        size="compact-sm"
        variant="default"
        disabled={pending}
        {...(danger && { c: "var(--lv-tone-bad)" })}
        onClick={run}
      >
        {label}
      </Button>
    </NeedsRole>
  );
}

interface OrderMenuProps {
  readonly label: string;
  readonly entries: readonly { readonly label: string; readonly run: () => void }[];
}

function OrderMenu({ label, entries }: OrderMenuProps) {
  const may = useMay("operator");
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-sm" variant="default" rightSection={<Icon name="chevron-down" size={12} />}>
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {entries.map((entry) => (
          <Menu.Item key={entry.label} disabled={!may} onClick={entry.run}>
            {entry.label}
            {!may && <span className="lv-menu-reason">{texts.needsRole("operator")}</span>}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
