import { Modal, NumberInput, Radio } from "@mantine/core";
import { useState } from "react";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { DialogForm } from "../../components/dialog-form.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import { useNotify } from "../../state/app-context.js";
import { QueueChoice } from "./queue-choice.js";

export interface MoveDialogProps {
  readonly queue: string;
  /** Messages by key; absent: the first ones, or all. */
  readonly keys?: readonly string[] | undefined;
  /** Messages that are ready, as far as is known. */
  readonly ready: number | null;
  readonly onClose: () => void;
  readonly onMoved: () => void;
}

type MoveBody = { readonly to: string } & (
  | { readonly keys: readonly string[] }
  | { readonly n: number }
  | { readonly all: true }
);

/** Asks where messages are to go, and which. */
export function MoveDialog(props: MoveDialogProps) {
  const title = props.keys === undefined ? `Move messages of ${props.queue}` : `Move ${countText(props.keys.length)}`;
  return (
    <Modal opened onClose={props.onClose} title={title}>
      <MoveForm {...props} />
    </Modal>
  );
}

function MoveForm({ queue, keys, ready, onClose, onMoved }: MoveDialogProps) {
  const notify = useNotify();
  const [to, setTo] = useState("");
  const [which, setWhich] = useState<"n" | "all">("n");
  const [n, setN] = useState<number | string>(Math.min(ready ?? 1, 1) || 1);
  const move = useAction(
    (idempotencyKey, body: MoveBody) =>
      api.post<{ readonly count: number }>(apiPath`queues/${queue}/move`, body, { idempotencyKey }),
    {
      done: ({ count }) => {
        notify({
          kind: count > 0 ? "done" : "info",
          text:
            count > 0 ? `Moved ${countText(count)} to ${to.trim()}` : "No message was moved: they are gone, or held",
          link: { label: "Open it", to: paths.queue(to.trim()) },
        });
        onMoved();
        onClose();
      },
      refresh: ["queues", "overview"],
    },
  );
  const first = Number(n);
  const many = keys?.length ?? (which === "all" ? ready : first);
  const valid = to.trim() !== "" && (keys !== undefined || which === "all" || (Number.isInteger(first) && first >= 1));
  const chosen = keys !== undefined ? { keys } : which === "all" ? { all: true as const } : { n: first };
  return (
    <DialogForm
      onSubmit={() => move.run({ to: to.trim(), ...chosen })}
      onClose={onClose}
      verb={many === null ? "Move all messages" : `Move ${countText(many || 1)}`}
      pending={move.pending}
      problem={move.problem}
      disabled={!valid || to.trim() === queue}
    >
      {keys === undefined && (
        <Radio.Group label="Which" value={which} onChange={(value) => setWhich(value === "all" ? "all" : "n")}>
          <div className="lv-stack lv-radios">
            <div className="lv-row-of">
              <Radio value="n" label="The first" />
              <NumberInput
                aria-label="How many"
                size="xs"
                w={90}
                min={1}
                hideControls
                value={n}
                disabled={which !== "n"}
                onChange={setN}
              />
            </div>
            <Radio value="all" label={ready === null ? "All that are ready" : `All that are ready (${whole(ready)})`} />
          </div>
        </Radio.Group>
      )}
      <QueueChoice
        label="To the queue"
        value={to}
        onChange={setTo}
        except={queue}
        error={to.trim() === queue ? "they are in this queue" : undefined}
      />
      <p className="lv-muted">
        Each message is in the other queue before it leaves this one: should something fail in between, it may be in
        both. Workers of the other queue run it.
      </p>
    </DialogForm>
  );
}

function countText(count: number): string {
  return `${whole(count)} ${count === 1 ? "message" : "messages"}`;
}
