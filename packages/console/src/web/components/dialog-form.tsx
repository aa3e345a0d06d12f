import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Problem } from "../../api/common.js";
import { texts } from "../texts.js";
import { useFocusBack } from "./use-focus-back.js";

export interface DialogFormProps {
  readonly children: ReactNode;
  /** Not called while it is under way, or cannot be sent. */
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  /** "Add user": what the button does, never OK. */
  readonly verb: string;
  readonly pending: boolean;
  /** What is asked for is not there yet. */
  readonly disabled?: boolean;
  readonly problem: Problem | undefined;
  /** Paths of errors that the fields tell themselves: what they do not tell is said below them. */
  readonly fields?: readonly string[];
}

/** A form in a dialog: its fields, what the server said against it, Cancel, and the button that sends it. */
export function DialogForm(props: DialogFormProps) {
  useFocusBack();
  const { children, onSubmit, onClose, verb, pending, disabled = false, problem, fields = [] } = props;
  return (
    <form
      className="lv-stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!disabled && !pending) onSubmit();
      }}
    >
      {children}
      {problem && !isToldBy(fields, problem) && <ProblemLine problem={problem} />}
      <div className="lv-dialog-buttons">
        <Button variant="default" onClick={onClose}>
          {texts.cancel}
        </Button>
        <Button type="submit" loading={pending} disabled={disabled}>
          {verb}
        </Button>
      </div>
    </form>
  );
}

/** A refusal, with its code. */
export function ProblemLine({ problem }: { readonly problem: Problem }) {
  return (
    <p className="lv-problem" role="alert">
      {problem.detail} <span className="lv-muted">({problem.code})</span>
    </p>
  );
}

/** What the server said against single fields, by their paths. */
export function fieldErrors(problem: Problem | undefined): ReadonlyMap<string, string> {
  return new Map(problem?.errors?.map((error) => [error.path, error.message]));
}

function isToldBy(fields: readonly string[], { errors = [] }: Problem): boolean {
  return errors.length > 0 && errors.every(({ path }) => fields.includes(path));
}
