import { Button, Modal, SegmentedControl } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { QueueMessages as Peeked, QueueDetail, QueueMessage } from "../../../api/queues.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useOpenPath } from "../../components/app-link.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { useCopy } from "../../components/copy-button.js";
import { DataTable, type RowAction } from "../../components/data-table.js";
import { Icon } from "../../components/icon.js";
import { NeedsRole } from "../../components/needs-role.js";
import { Empty, ErrorState } from "../../components/page-states.js";
import { Time } from "../../components/time.js";
import { useSelection } from "../../components/use-selection.js";
import { paths } from "../../paths.js";
import { useMay, useNotify } from "../../state/app-context.js";
import { texts } from "../../texts.js";
import { Callout } from "../tasks/callout.js";
import { figureText } from "./figure.js";
import { messageColumns } from "./message-columns.js";
import { MessageParts, messageText } from "./message-parts.js";
import { MoveDialog } from "./move-dialog.js";

type End = "head" | "tail";
interface Look {
  readonly found: Peeked;
  readonly from: End;
  readonly at: string;
}

export interface QueueMessagesProps {
  readonly queue: QueueDetail;
  readonly onPurge: () => void;
}

/**
 * What waits in the queue. Looking is an act here: it is done when asked for and after own changes, never by itself, as where it
 * disturbs the queue every look moves its messages.
 */
export function QueueMessages({ queue, onPurge }: QueueMessagesProps) {
  const disturbs = queue.peek === "disturbs";
  const [from, setFrom] = useState<End>("head");
  const [look, setLook] = useState<Look>();
  const path = apiPath`queues/${queue.name}/messages`;
  const peek = useAction(async (_, end: End) => ({ found: await api.get<Peeked>(path, { from: end }), from: end }), {
    done: (answer) => setLook({ ...answer, at: new Date().toISOString() }),
  });
  useFirstLook(!disturbs, () => peek.run("head"));
  const again = () => peek.run(from);
  const choose = (end: End) => {
    setFrom(end);
    peek.run(end);
  };
  return (
    <div className="lv-stack">
      {disturbs && <DisturbNote queue={queue} looked={look !== undefined} pending={peek.pending} onLook={again} />}
      {peek.problem && (
        <ErrorState
          error={new Error(`${peek.problem.detail} (${peek.problem.code})`)}
          title="The messages could not be looked at"
          onRetry={again}
        />
      )}
      {(!disturbs || look !== undefined) && (
        <MessageTable
          queue={queue}
          look={look}
          onPurge={onPurge}
          onChanged={again}
          tools={
            <>
              <SegmentedControl
                size="xs"
                aria-label="Where to look"
                data={[
                  { value: "head", label: "From the head" },
                  { value: "tail", label: "From the tail" },
                ]}
                value={from}
                disabled={peek.pending}
                onChange={(value) => choose(value === "tail" ? "tail" : "head")}
              />
              <Button
                size="xs"
                variant="default"
                leftSection={<Icon name="refresh" size={13} />}
                loading={peek.pending}
                onClick={again}
              >
                Look again
              </Button>
            </>
          }
        />
      )}
    </div>
  );
}

function useFirstLook(wanted: boolean, look: () => void): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the tab is opened
  useEffect(() => {
    if (wanted) look();
  }, [wanted]);
}

interface DisturbNoteProps {
  readonly queue: QueueDetail;
  readonly looked: boolean;
  readonly pending: boolean;
  readonly onLook: () => void;
}

function DisturbNote({ queue, looked, pending, onLook }: DisturbNoteProps) {
  return (
    <Callout title="Looking disturbs this queue">
      <p>
        This broker shows messages only by handing them out: up to 50 are taken for a moment and put back. They count as
        redelivered, and meanwhile no worker gets them.
      </p>
      {!looked && (
        <Button size="compact-sm" variant="default" loading={pending} onClick={onLook}>
          {`Look at the first 50 of ${figureText(queue.ready)}`}
        </Button>
      )}
    </Callout>
  );
}

interface MessageTableProps {
  readonly queue: QueueDetail;
  readonly look: Look | undefined;
  readonly tools: ReactNode;
  readonly onPurge: () => void;
  readonly onChanged: () => void;
}

function MessageTable({ queue, look, tools, onPurge, onChanged }: MessageTableProps) {
  const [form, setForm] = useState<"decoded" | "raw">("decoded");
  const [shown, setShown] = useState<QueueMessage>();
  const [removing, setRemoving] = useState<QueueMessage>();
  const [moving, setMoving] = useState<{ readonly keys?: readonly string[] }>();
  const selection = useSelection(look?.at ?? "");
  const menu = useMessageMenu({
    open: setShown,
    move: (message) => setMoving({ keys: [message.key] }),
    remove: setRemoving,
  });
  return (
    <>
      <div className="lv-wide">
        <DataTable
          name="queue-messages"
          label={`Messages of ${queue.name}`}
          columns={messageColumns(form)}
          rows={look?.found.items}
          rowKey={({ key }) => key}
          onOpen={setShown}
          rowMenu={menu}
          selection={selection}
          bulk={() => (
            <NeedsRole role="admin">
              <Button size="compact-sm" variant="default" onClick={() => setMoving({ keys: [...selection.keys] })}>
                {`Move ${selection.keys.size} to…`}
              </Button>
            </NeedsRole>
          )}
          toolbar={
            <>
              {tools}
              <SegmentedControl
                size="xs"
                aria-label="Form of the messages"
                data={[
                  { value: "decoded", label: "Decoded" },
                  { value: "raw", label: "Raw" },
                ]}
                value={form}
                onChange={(value) => setForm(value === "raw" ? "raw" : "decoded")}
              />
              <NeedsRole role="admin">
                <Button size="xs" variant="default" onClick={() => setMoving({})}>
                  Move…
                </Button>
              </NeedsRole>
              <NeedsRole role="admin">
                <Button size="xs" variant="light" color="red" onClick={onPurge}>
                  Purge…
                </Button>
              </NeedsRole>
            </>
          }
          emptyState={
            <Empty title="No message waits" icon="circle-check">
              Every one that came has been taken by a worker.
            </Empty>
          }
        />
      </div>
      {look && (
        <p className="lv-muted">
          {look.found.items.length} looked at from the {look.from}, <Time at={look.at} />
          {look.found.ready !== null && `; ${look.found.ready} were ready`}.
        </p>
      )}
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={shown?.task ?? "Message"}
        size="xl"
      >
        {shown && <MessageParts message={shown} />}
      </Modal>
      {removing && (
        <RemoveDialog
          queue={queue.name}
          message={removing}
          onClose={() => setRemoving(undefined)}
          onRemoved={onChanged}
        />
      )}
      {moving && (
        <MoveDialog
          queue={queue.name}
          keys={moving.keys}
          ready={look?.found.ready ?? queue.ready.value}
          onClose={() => setMoving(undefined)}
          onMoved={onChanged}
        />
      )}
    </>
  );
}

interface MessageActs {
  readonly open: (message: QueueMessage) => void;
  readonly move: (message: QueueMessage) => void;
  readonly remove: (message: QueueMessage) => void;
}

function useMessageMenu(acts: MessageActs): (message: QueueMessage) => readonly RowAction[] {
  const openPath = useOpenPath();
  const notify = useNotify();
  const copy = useCopy();
  const admin = useMay("admin") ? null : texts.needsRole("admin");
  return (message) => [
    { label: "Look inside", icon: "eye", run: () => acts.open(message) },
    {
      label: "Open the task",
      icon: "tasks",
      disabled: message.id === null ? "it names no task id" : null,
      run: () => openPath(paths.task(message.id ?? "")),
    },
    {
      label: "Copy as JSON",
      icon: "copy",
      run: () => copy(messageText(message), () => notify({ kind: "done", text: "Copied the message" })),
    },
    { label: "Move to…", icon: "send", disabled: admin, run: () => acts.move(message) },
    { label: "Remove…", icon: "trash", danger: true, disabled: admin, run: () => acts.remove(message) },
  ];
}

interface RemoveDialogProps {
  readonly queue: string;
  readonly message: QueueMessage;
  readonly onClose: () => void;
  readonly onRemoved: () => void;
}

function RemoveDialog({ queue, message, onClose, onRemoved }: RemoveDialogProps) {
  const notify = useNotify();
  const remove = useAction((_, key: string) => api.delete(apiPath`queues/${queue}/messages/${key}`), {
    done: () => {
      notify({ kind: "done", text: "Removed 1 message" });
      onRemoved();
      onClose();
    },
    refresh: ["queues"],
  });
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Remove ${message.task ?? "a message"}`}
      verb="Remove 1 message"
      onConfirm={() => remove.run(message.key)}
      pending={remove.pending}
      problem={remove.problem}
    >
      <p>
        The message {message.id !== null && <bdi className="lv-mono lv-wrap-anywhere">{message.id}</bdi>} is deleted
        from <bdi>{queue}</bdi>: its task will not run. That cannot be taken back.
      </p>
    </ConfirmDialog>
  );
}
