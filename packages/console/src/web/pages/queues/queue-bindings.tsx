import { Button, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import type { QueueDetail } from "../../../api/queues.js";
import { api, apiPath, queryText } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { DialogForm } from "../../components/dialog-form.js";
import { Icon } from "../../components/icon.js";
import { NeedsRole } from "../../components/needs-role.js";
import { Empty } from "../../components/page-states.js";
import { useMay, useNotify } from "../../state/app-context.js";
import { texts } from "../../texts.js";
import { OneLine } from "../tasks/task-columns.js";
import { DefinedBy } from "./queue-settings.js";

type QueueBinding = QueueDetail["bindings"][number];

/** Which exchanges send what to it. */
export function QueueBindings({ queue }: { readonly queue: QueueDetail }) {
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<QueueBinding>();
  const admin = useMay("admin") ? null : texts.needsRole("admin");
  return (
    <div className="lv-stack">
      <DataTable
        name="queue-bindings"
        label={`Bindings of ${queue.name}`}
        columns={COLUMNS}
        rows={queue.bindings}
        rowKey={keyOf}
        rowMenu={(binding) => [
          {
            label: "Unbind…",
            icon: "trash",
            danger: true,
            disabled: admin ?? (binding.exchange === "" ? "the default exchange always reaches it" : null),
            run: () => setRemoving(binding),
          },
        ]}
        toolbar={
          <NeedsRole role="admin">
            <Button
              size="xs"
              variant="default"
              leftSection={<Icon name="plus" size={13} />}
              onClick={() => setAdding(true)}
            >
              Add binding…
            </Button>
          </NeedsRole>
        }
        emptyState={
          <Empty title="No binding is known" icon="link">
            {queue.notTold === null ? "" : `The broker did not tell: ${queue.notTold}. `}
            Messages that name the queue itself reach it all the same.
          </Empty>
        }
      />
      <DefinedBy queue={queue} />
      {adding && (
        <Modal opened onClose={() => setAdding(false)} title={`Bind ${queue.name}`}>
          <BindingForm queue={queue.name} onClose={() => setAdding(false)} />
        </Modal>
      )}
      {removing && <UnbindDialog queue={queue.name} binding={removing} onClose={() => setRemoving(undefined)} />}
    </div>
  );
}

function keyOf({ exchange, routingKey }: QueueBinding): string {
  return `${exchange} → ${routingKey}`;
}

function BindingForm({ queue, onClose }: { readonly queue: string; readonly onClose: () => void }) {
  const notify = useNotify();
  const [draft, setDraft] = useState({ exchange: "", exchangeType: "direct", routingKey: queue });
  const set = (changes: Partial<typeof draft>) => setDraft({ ...draft, ...changes });
  const add = useAction(
    (idempotencyKey, body: typeof draft) => api.post(apiPath`queues/${queue}/bindings`, body, { idempotencyKey }),
    {
      done: () => {
        notify({ kind: "done", text: `Bound ${queue} to ${draft.exchange}` });
        onClose();
      },
      refresh: [apiPath`queues/${queue}`],
    },
  );
  return (
    <DialogForm
      onSubmit={() => add.run({ ...draft, exchange: draft.exchange.trim() })}
      onClose={onClose}
      verb="Add binding"
      pending={add.pending}
      problem={add.problem}
      disabled={draft.exchange.trim() === ""}
    >
      <TextInput
        label="Exchange"
        description="Made when it is not there"
        required
        maxLength={255}
        autoComplete="off"
        value={draft.exchange}
        onChange={(event) => set({ exchange: event.currentTarget.value })}
        data-autofocus
      />
      <NativeSelect
        label="Type"
        value={draft.exchangeType}
        data={["direct", "topic", "fanout"]}
        onChange={(event) => set({ exchangeType: event.currentTarget.value })}
      />
      <TextInput
        label="Routing key"
        description={draft.exchangeType === "topic" ? "* is one word, # any number of them" : undefined}
        maxLength={255}
        autoComplete="off"
        value={draft.routingKey}
        onChange={(event) => set({ routingKey: event.currentTarget.value })}
      />
    </DialogForm>
  );
}

interface UnbindDialogProps {
  readonly queue: string;
  readonly binding: QueueBinding;
  readonly onClose: () => void;
}

function UnbindDialog({ queue, binding: { exchange, routingKey }, onClose }: UnbindDialogProps) {
  const notify = useNotify();
  const remove = useAction((_) => api.delete(apiPath`queues/${queue}/bindings` + bindingQuery(exchange, routingKey)), {
    done: () => {
      notify({ kind: "done", text: `Unbound ${queue} from ${exchange}` });
      onClose();
    },
    refresh: [apiPath`queues/${queue}`],
  });
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Unbind ${queue} from ${exchange}`}
      verb="Remove 1 binding"
      onConfirm={() => remove.run()}
      pending={remove.pending}
      problem={remove.problem}
    >
      <p>
        Messages of <bdi>{exchange}</bdi> with the key <bdi className="lv-mono">{routingKey || "(empty)"}</bdi> no
        longer reach it. A worker that starts with this binding in its settings makes it again.
      </p>
    </ConfirmDialog>
  );
}

/** An empty routing key is one, and must be named. */
function bindingQuery(exchange: string, routingKey: string): string {
  return routingKey === "" ? `${queryText({ exchange })}&routingKey=` : queryText({ exchange, routingKey });
}

const COLUMNS: readonly Column<QueueBinding>[] = [
  {
    key: "exchange",
    title: "Exchange",
    fixed: true,
    card: "title",
    cell: ({ exchange }) => <bdi className="lv-task-name">{exchange === "" ? "the default one" : exchange}</bdi>,
  },
  { key: "type", title: "Type", card: "field", cell: ({ exchangeType }) => exchangeType },
  { key: "key", title: "Routing key", card: "field", cell: ({ routingKey }) => <OneLine text={routingKey} mono /> },
  {
    key: "arguments",
    title: "Arguments",
    card: "field",
    cell: (binding) => (
      <OneLine text={Object.keys(binding.arguments).length === 0 ? null : JSON.stringify(binding.arguments)} mono />
    ),
  },
];
