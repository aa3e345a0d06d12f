import { Modal, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useState } from "react";
import type { QueueDetail } from "../../../api/queues.js";
import { api } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useOpenPath } from "../../components/app-link.js";
import { DialogForm, fieldErrors } from "../../components/dialog-form.js";
import { paths } from "../../paths.js";
import { useNotify } from "../../state/app-context.js";

/** Asks for a new queue's name and kind. */
export function CreateQueueDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Create queue">
      <CreateQueueForm onClose={onClose} />
    </Modal>
  );
}

function CreateQueueForm({ onClose }: { readonly onClose: () => void }) {
  const openPath = useOpenPath();
  const notify = useNotify();
  const [name, setName] = useState("");
  const [priority, setPriority] = useState<number | string>("");
  const [type, setType] = useState("");
  const create = useAction(
    (idempotencyKey, body: Readonly<Record<string, unknown>>) =>
      api.post<QueueDetail>("queues", body, { idempotencyKey }),
    {
      done: (queue) => {
        notify({ kind: "done", text: `Created the queue ${queue.name}` });
        onClose();
        openPath(paths.queue(queue.name));
      },
      refresh: ["queues"],
    },
  );
  const errors = fieldErrors(create.problem);
  return (
    <DialogForm
      onSubmit={() =>
        create.run({
          name: name.trim(),
          ...(priority !== "" && { maxPriority: Number(priority) }),
          ...(type !== "" && { type }),
        })
      }
      onClose={onClose}
      verb="Create queue"
      pending={create.pending}
      problem={create.problem}
      disabled={name.trim() === ""}
      fields={["name", "maxPriority", "type"]}
    >
      <TextInput
        label="Name"
        required
        maxLength={255}
        autoComplete="off"
        value={name}
        error={errors.get("name")}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <NumberInput
        label="Highest priority"
        description="1 to 9; empty: all messages are alike"
        min={1}
        max={9}
        hideControls
        value={priority}
        error={errors.get("maxPriority")}
        onChange={setPriority}
      />
      <NativeSelect
        label="Type"
        description="RabbitMQ only"
        value={type}
        data={[{ value: "", label: "the broker's default" }, "classic", "quorum"]}
        error={errors.get("type")}
        onChange={(event) => setType(event.currentTarget.value)}
      />
    </DialogForm>
  );
}
