import { useEffect, useState } from "react";
import { useNotify } from "../state/app-context.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

/** Copies a text, and says so where the browser does not allow it: then `done` is not called. */
export function useCopy(): (text: string, done: () => void) => void {
  const notify = useNotify();
  return (text, done) => {
    copyText(text).then(done, () =>
      notify({
        kind: "problem",
        text: "Nothing was copied",
        detail: "The browser does not let this page use the clipboard.",
      }),
    );
  };
}

/** Also where the clipboard's own interface is off (plain http on another host). */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "lv-offscreen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused to copy");
}

export interface CopyButtonProps {
  /** What is copied; a function when it is costly to make. */
  readonly text: string | (() => string);
  /** What it is: "Copy the id". */
  readonly label?: string;
}

export function CopyButton({ text, label = texts.copy }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = useCopy();
  // No more than a button: tables have one in each row.
  return (
    <button
      type="button"
      className="lv-icon-button lv-copy"
      title={copied ? texts.copied : label}
      aria-label={label}
      onClick={(event) => {
        event.stopPropagation();
        copy(typeof text === "string" ? text : text(), () => setCopied(true));
      }}
    >
      <Icon name={copied ? "check" : "copy"} size={14} />
    </button>
  );
}
