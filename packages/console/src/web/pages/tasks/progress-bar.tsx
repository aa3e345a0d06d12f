import type { Progress } from "../../../api/tasks.js";
import "./progress-bar.css";

/** How far a task is, as its own words and figures say; without a total the bar has no end. */
export function ProgressBar({
  progress,
  label,
  ended = false,
}: {
  readonly progress: Progress;
  readonly label: string;
  readonly ended?: boolean;
}) {
  const { current, total, message } = progress;
  const share = total !== null && total > 0 ? Math.min(1, Math.max(0, current / total)) : undefined;
  const text = total === null ? figure(current) : `${figure(current)} of ${figure(total)}`;
  return (
    <div className="lv-progress">
      <div
        className="lv-progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuetext={message === null ? text : `${text}: ${message}`}
        {...(share !== undefined && {
          "aria-valuemin": 0,
          "aria-valuemax": 100,
          "aria-valuenow": Math.round(share * 100),
        })}
      >
        <span data-endless={share === undefined && !ended} style={{ width: `${(share ?? 1) * 100}%` }} />
      </div>
      <p className="lv-progress-text">
        <span className="lv-number">{text}</span>
        {share !== undefined && <span className="lv-number lv-muted">{Math.floor(share * 100)} %</span>}
        {message !== null && <bdi className="lv-wrap-anywhere">{message}</bdi>}
      </p>
    </div>
  );
}

function figure(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

/** The same on one line, for tables: "34 of 120 (28 %)". */
export function progressText({ current, total }: Progress): string {
  if (total === null || total <= 0) {
    return figure(current);
  }
  return `${figure(current)} of ${figure(total)} (${Math.floor((current / total) * 100)} %)`;
}
