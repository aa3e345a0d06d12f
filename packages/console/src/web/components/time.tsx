import { Tooltip } from "@mantine/core";
import { useNow, usePreferences } from "../state/app-context.js";
import { absoluteTime, relativeTime } from "./time-text.js";

export { absoluteTime, clockTime, relativeTime } from "./time-text.js";

export interface TimeProps {
  /** ISO 8601; null or undefined is shown as "–". */
  readonly at: string | null | undefined;
  /** "absolute" where the instant itself is what one looks for (audit, timeline). Default "relative". */
  readonly show?: "relative" | "absolute" | "both";
  /** In tables false: a tab stop in each cell would make keyboards useless; the title has it then. Default true. */
  readonly focusable?: boolean;
}

/** "12 s ago", with the instant itself on hover and focus, in the zone of the person's choice. */
export function Time({ at, show = "relative", focusable = true }: TimeProps) {
  const [{ zone }] = usePreferences();
  if (at === null || at === undefined) return <span className="lv-none">–</span>;
  const absolute = absoluteTime(at, zone);
  const shown = show === "absolute" ? absolute : <RelativeTime at={at} />;
  if (!focusable || show === "absolute") {
    return (
      <time className="lv-number" dateTime={at} title={show === "absolute" ? at : absolute}>
        {shown}
      </time>
    );
  }
  if (show === "both") {
    return (
      <time dateTime={at}>
        <span className="lv-number">{absolute}</span> <span className="lv-number lv-muted">({shown})</span>
      </time>
    );
  }
  return (
    <Tooltip label={absolute} events={{ hover: true, focus: true, touch: true }}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the instant is shown on focus too, for those without a mouse */}
      <time className="lv-number lv-time" dateTime={at} tabIndex={0}>
        {shown}
      </time>
    </Tooltip>
  );
}

/** Steps with the clock; apart, so that only this text is drawn anew each second. */
function RelativeTime({ at }: { readonly at: string }) {
  return <>{relativeTime(Date.parse(at), useNow())}</>;
}
