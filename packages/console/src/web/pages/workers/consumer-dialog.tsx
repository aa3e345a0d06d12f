import { Autocomplete, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Problem } from "../../../api/common.js";
import { useApi } from "../../api/use-api.js";
import { DialogForm } from "../../components/dialog-form.js";

/** A queue as a consumer of it is described to a worker. */
export interface ConsumerDraft {
  readonly queue: string;
  readonly exchange?: string;
  readonly exchangeType?: string;
  readonly routingKey?: string;
}

export interface ConsumerDialogProps {
  /** "celery@web-1", "3 workers". */
  readonly who: string;
  readonly act: "add" | "cancel";
  readonly onClose: () => void;
  readonly onSubmit: (draft: ConsumerDraft) => void;
  readonly pending: boolean;
  readonly problem: Problem | undefined;
}

/** Asks which queue is to be consumed, or no longer. */
export function ConsumerDialog(props: ConsumerDialogProps) {
  const title = props.act === "add" ? `Add a consumer: ${props.who}` : `Cancel a consumer: ${props.who}`;
  return (
    <Modal opened onClose={props.onClose} title={title}>
      <ConsumerForm {...props} />
    </Modal>
  );
}

function ConsumerForm({ act, onClose, onSubmit, pending, problem }: ConsumerDialogProps) {
  const queues = useApi<{ readonly items: readonly { readonly name: string }[] }>("queues");
  const [draft, setDraft] = useState({ queue: "", exchange: "", exchangeType: "", routingKey: "" });
  const set = (changes: Partial<typeof draft>) => setDraft({ ...draft, ...changes });
  const queue = draft.queue.trim();
  return (
    <DialogForm
      onSubmit={() => onSubmit(filled({ ...draft, queue }))}
      onClose={onClose}
      verb={act === "add" ? "Add consumer" : "Cancel consumer"}
      pending={pending}
      problem={problem}
      disabled={queue === ""}
    >
      <Autocomplete
        label="Queue"
        required
        data={(queues.data?.items ?? []).map(({ name }) => name)}
        limit={50}
        // A list that opens by itself would hide the rest of the dialog.
        openOnFocus={false}
        value={draft.queue}
        onChange={(text) => set({ queue: text })}
        autoComplete="off"
        data-autofocus
      />
      {act === "add" ? (
        <details className="lv-details">
          <summary>Exchange and routing key</summary>
          <div className="lv-stack">
            <p className="lv-muted">
              A queue that the worker's settings do not know is made with these. Default: its name.
            </p>
            <TextInput
              label="Exchange"
              value={draft.exchange}
              onChange={(event) => set({ exchange: event.currentTarget.value })}
              autoComplete="off"
            />
            <NativeSelect
              label="Type"
              value={draft.exchangeType}
              data={[{ value: "", label: "the default" }, "direct", "topic", "fanout"]}
              onChange={(event) => set({ exchangeType: event.currentTarget.value })}
            />
            <TextInput
              label="Routing key"
              value={draft.routingKey}
              onChange={(event) => set({ routingKey: event.currentTarget.value })}
              autoComplete="off"
            />
          </div>
        </details>
      ) : (
        <p className="lv-muted">
          What has been taken from the queue by then is finished. It holds until the worker starts anew.
        </p>
      )}
    </DialogForm>
  );
}

/** Only what was filled in. */
function filled(draft: Required<ConsumerDraft>): ConsumerDraft {
  const { queue, exchange, exchangeType, routingKey } = draft;
  return {
    queue,
    ...(exchange.trim() !== "" && { exchange: exchange.trim() }),
    ...(exchangeType !== "" && { exchangeType }),
    ...(routingKey.trim() !== "" && { routingKey: routingKey.trim() }),
  };
}
