import type { Figure } from "../../../api/common.js";
import { durationText } from "../../components/duration.js";
import { short, whole } from "../../components/table-texts.js";

/** How a figure of a queue is written. */
export type FigureForm = "count" | "rate" | "age";

/** A figure as text; "–" when the broker does not tell it. */
export function figureText({ value }: Figure, form: FigureForm = "count"): string {
  if (value === null) return "–";
  if (form === "age") return durationText(value);
  if (form === "rate") return value === 0 ? "0" : value < 10 ? value.toFixed(1) : short(value);
  return value < 1_000_000 ? whole(value) : short(value);
}

/**
 * A figure that may be missing, or no longer true: null is "–" with the reason on hover; one with a reason is what it was when the broker
 * last told, and greyed.
 */
export function FigureValue({ figure, form = "count" }: { readonly figure: Figure; readonly form?: FigureForm }) {
  const quiet = figure.value === null || figure.reason !== undefined || (form === "rate" && figure.value === 0);
  return (
    <span className={quiet ? "lv-number lv-none" : "lv-number"} title={figure.reason ?? exact(figure, form)}>
      {figureText(figure, form)}
      {figure.value === null && figure.reason !== undefined && <span className="lv-sr-only"> ({figure.reason})</span>}
    </span>
  );
}

function exact({ value }: Figure, form: FigureForm): string | undefined {
  if (value === null) return undefined;
  return form === "count" ? (value < 1_000_000 ? undefined : whole(value)) : `${value}${form === "age" ? " s" : " /s"}`;
}
