import { Button } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "./copy-button.js";
import { foldTrace } from "./trace-folding.js";

/** A trace of Node or Python, as text. Frames of libraries and of the runtime are folded. */
export function Trace({ text }: { readonly text: string }) {
  const [all, setAll] = useState(false);
  const parts = foldTrace(text);
  const folds = parts.some((part) => part.foreign);
  return (
    <div className="lv-code-box">
      <div className="lv-code-tools">
        {folds && (
          <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={all} onClick={() => setAll(!all)}>
            {all ? "Fold library frames" : "Show all frames"}
          </Button>
        )}
        <CopyButton text={text} label="Copy the trace" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="lv-code lv-trace" tabIndex={0} aria-label="Trace">
        {parts.map((part, place) =>
          part.foreign && !all ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: a trace never changes
            <FoldedFrames key={place} lines={part.lines} frames={part.frames} />
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: a trace never changes
            <span key={place} className={part.foreign ? "lv-muted" : undefined}>{`${part.lines.join("\n")}\n`}</span>
          ),
        )}
      </section>
    </div>
  );
}

function FoldedFrames({ lines, frames }: { readonly lines: readonly string[]; readonly frames: number }) {
  const [open, setOpen] = useState(false);
  if (open) return <span className="lv-muted">{`${lines.join("\n")}\n`}</span>;
  return (
    <>
      <button type="button" className="lv-fold" onClick={() => setOpen(true)}>
        {frames === 1 ? "1 library frame" : `${frames} library frames`}
      </button>
      {"\n"}
    </>
  );
}
