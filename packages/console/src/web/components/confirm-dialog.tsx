import { Button, Modal, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Problem } from "../../api/common.js";
import { texts } from "../texts.js";
import { ProblemLine } from "./dialog-form.js";
import { useFocusBack } from "./use-focus-back.js";

export interface ConfirmDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  /** Names the thing and the count: "Purge images". */
  readonly title: string;
  /** The consequence: "56 messages are deleted. They cannot be brought back." */
  readonly children: ReactNode;
  /** The button's verb: "Purge 56 messages"; never OK. */
  readonly verb: string;
  readonly onConfirm: () => void;
  /** Must be typed first: the thing's name, or the count. */
  readonly typed?: string | undefined;
  /** What stands in the field for it: for a count that must not change under the hands. */
  readonly onTyping?: ((text: string) => void) | undefined;
  readonly pending?: boolean | undefined;
  /** Why it was refused. */
  readonly problem?: Problem | undefined;
  /** Default true: a red button. */
  readonly danger?: boolean;
}

/** Asks before something that cannot be undone. The focus begins on Cancel, and goes back to where it was. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title} size="md">
      {props.opened && <Question {...props} />}
    </Modal>
  );
}

function Question({
  children,
  verb,
  onClose,
  onConfirm,
  typed,
  onTyping,
  pending = false,
  problem,
  danger = true,
}: ConfirmDialogProps) {
  useFocusBack();
  const [text, setText] = useState("");
  const ready = typed === undefined || text.trim() === typed;
  return (
    <form
      className="lv-confirm"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !pending) onConfirm();
      }}
    >
      <div>{children}</div>
      {typed !== undefined && (
        <TextInput
          label={
            <>
              Type <code>{typed}</code> to confirm
            </>
          }
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            onTyping?.(event.currentTarget.value.trim());
          }}
          autoComplete="off"
          spellCheck={false}
        />
      )}
      {problem && <ProblemLine problem={problem} />}
      <div className="lv-dialog-buttons">
        <Button variant="default" onClick={onClose} data-autofocus>
          {texts.cancel}
        </Button>
        <Button type="submit" color={danger ? "red" : "leaf"} disabled={!ready} loading={pending}>
          {verb}
        </Button>
      </div>
    </form>
  );
}
