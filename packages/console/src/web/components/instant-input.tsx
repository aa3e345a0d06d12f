import { TextInput, type TextInputProps } from "@mantine/core";
import { useState } from "react";
import { instantText, readInstantText, shownText } from "./field-texts.js";

export interface InstantInputProps
  extends Omit<TextInputProps, "type" | "value" | "onChange" | "onBlur" | "defaultValue"> {
  /** ISO 8601; undefined for none. */
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}

/** An instant in the browser's zone, told in UTC when it is left or Enter is pressed: half a year is not what is meant. */
export function InstantInput({ value, onChange, ...rest }: InstantInputProps) {
  // Undefined: as the value says.
  const [typed, setTyped] = useState<string>();
  const [sent, setSent] = useState("");
  const shown = typed ?? shownText(sent, value, readInstantText, instantText);
  const send = () => {
    if (typed === undefined) return;
    setTyped(undefined);
    setSent(typed);
    const next = readInstantText(typed);
    // What no date can hold is not asked for.
    const isInstant = next === undefined || instantText(next) !== "";
    if (isInstant && next !== value) onChange(next);
  };
  return (
    <TextInput
      {...rest}
      type="datetime-local"
      step={1}
      value={shown}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === "Enter" && send()}
    />
  );
}
