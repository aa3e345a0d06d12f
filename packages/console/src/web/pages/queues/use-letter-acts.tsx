import { Radio } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { DeadLetterFilter, DeadLetterReply } from "../../../api/queues.js";
import { api } from "../../api/client.js";
import { type Action, useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { mergeOutcomes, type Reply, ReplyStrip } from "../../components/reply-strip.js";
import { whole } from "../../components/table-texts.js";
import { QueueChoice } from "./queue-choice.js";

/** Some dead letters by their keys, or all that match. */
export type Letters =
  | { readonly keys: readonly string[]; readonly count: number }
  | { readonly filter: DeadLetterFilter; readonly count: number | null };

/** What can be done with dead letters; `dialog` and `replies` have to be shown somewhere. */
export interface LetterActs {
  /** At once, to where it came from. */
  readonly replayOne: (key: string) => void;
  readonly replay: (letters: Letters) => void;
  readonly remove: (letters: Letters) => void;
  readonly pending: boolean;
  readonly replies: ReactNode;
  readonly dialog: ReactNode;
}

/** Replays and deletes dead letters, and tells what became of each. `onDone`: a selection is used up. */
export function useLetterActs(onDone: () => void): LetterActs {
  const [asked, setAsked] = useState<{ readonly act: "replay" | "delete"; readonly letters: Letters }>();
  const [reply, setReply] = useState<Reply>();
  const close = () => setAsked(undefined);
  const done = (answer: Reply) => {
    setReply(answer);
    close();
    onDone();
  };
  const refresh = ["dead-letters", "queues", "overview"];
  const send = (act: "replay" | "delete") => async (key: string, letters: Letters, to?: string) => {
    const body = { ...which(letters), ...(to !== undefined && { to }) };
    const { outcomes, count } = await api.post<DeadLetterReply>(`dead-letters/${act}`, body, { idempotencyKey: key });
    return {
      what: `${act === "replay" ? "Replayed" : "Deleted"} ${lettersText(count)}`,
      outcomes: mergeOutcomes(outcomes),
    };
  };
  const replay = useAction(send("replay"), {
    done,
    refresh,
    // A dialog tells a refusal itself.
    ...(asked === undefined && { failed: "The dead letter was not replayed" }),
  });
  const remove = useAction(send("delete"), { done, refresh });
  const ask = (act: "replay" | "delete") => (letters: Letters) => {
    replay.clear();
    remove.clear();
    setAsked({ act, letters });
  };
  return {
    replayOne: (key) => replay.run({ keys: [key], count: 1 }),
    replay: ask("replay"),
    remove: ask("delete"),
    pending: replay.pending || remove.pending,
    replies: <ReplyStrip reply={reply} onClose={() => setReply(undefined)} />,
    dialog: asked && (
      <>
        {asked.act === "replay" && <ReplayDialog letters={asked.letters} action={replay} onClose={close} />}
        {asked.act === "delete" && <DeleteDialog letters={asked.letters} action={remove} onClose={close} />}
      </>
    ),
  };
}

function which(letters: Letters): { readonly keys: readonly string[] } | { readonly filter: DeadLetterFilter } {
  return "keys" in letters ? { keys: letters.keys } : { filter: letters.filter };
}

function lettersText(count: number | null): string {
  if (count === null) return "all dead letters that match";
  return `${whole(count)} ${count === 1 ? "dead letter" : "dead letters"}`;
}

interface LetterDialogProps {
  readonly letters: Letters;
  readonly action: Action<[Letters, string?]>;
  readonly onClose: () => void;
}

function ReplayDialog({ letters, action, onClose }: LetterDialogProps) {
  const [elsewhere, setElsewhere] = useState(false);
  const [to, setTo] = useState("");
  const target = to.trim();
  const many = lettersText(letters.count);
  return (
    <ConfirmDialog
      opened
      danger={false}
      onClose={onClose}
      title={`Replay ${many}`}
      verb={`Replay ${many}`}
      onConfirm={() => {
        if (!elsewhere) action.run(letters);
        else if (target !== "") action.run(letters, target);
      }}
      pending={action.pending}
      problem={action.problem}
    >
      <div className="lv-stack">
        <Radio.Group
          label="To"
          value={elsewhere ? "elsewhere" : "origin"}
          onChange={(value) => setElsewhere(value === "elsewhere")}
        >
          <div className="lv-stack lv-radios">
            <Radio value="origin" label="The queue that each came from" />
            <Radio value="elsewhere" label="Another queue" />
          </div>
        </Radio.Group>
        {elsewhere && (
          <QueueChoice
            label="Queue"
            value={to}
            onChange={setTo}
            error={target === "" ? "say which queue" : undefined}
          />
        )}
        <p className="lv-muted">
          Each is sent again, with its deliveries counted anew, and then leaves the dead letters. One that dies again is
          back here with its count.
          {"filter" in letters && " They are looked up again when it starts."}
        </p>
      </div>
    </ConfirmDialog>
  );
}

function DeleteDialog({ letters, action, onClose }: LetterDialogProps) {
  const many = lettersText(letters.count);
  const all = "filter" in letters;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete ${many}`}
      verb={`Delete ${many}`}
      typed={all ? String(letters.count ?? "all") : undefined}
      onConfirm={() => action.run(letters)}
      pending={action.pending}
      problem={action.problem}
    >
      <p>
        Their tasks will not run, and their arguments are gone. That cannot be taken back: download them first if they
        may be needed.
        {all && " They are looked up again when it starts."}
      </p>
    </ConfirmDialog>
  );
}
