import { ActionIcon, Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

/** Copies a text, also where the clipboard's own interface is off (plain http on another host). */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "lv-offscreen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
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
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    setCopied(true);
  };
  return (
    <Tooltip label={copied ? texts.copied : label}>
      <ActionIcon
        className="lv-copy"
        variant="subtle"
        color="gray"
        size={24}
        aria-label={label}
        onClick={(event) => {
          event.stopPropagation();
          void copy();
        }}
      >
        <Icon name={copied ? "check" : "copy"} size={14} />
      </ActionIcon>
    </Tooltip>
  );
}
