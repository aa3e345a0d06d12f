import { durationText } from "./duration-text.js";

export { durationText } from "./duration-text.js";

/** A duration in seconds; "–" when it is not known. */
export function Duration({ seconds }: { readonly seconds: number | null | undefined }) {
  if (seconds === null || seconds === undefined) return <span className="lv-none">–</span>;
  return (
    <span className="lv-number" title={`${seconds} s`}>
      {durationText(seconds)}
    </span>
  );
}
