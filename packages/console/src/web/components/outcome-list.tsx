import type { ActionOutcome } from "../../api/common.js";
import { Badge, type Tone } from "./state-badge.js";

const SHOWN: Readonly<
  Record<ActionOutcome["outcome"], { readonly tone: Tone; readonly sign: string; readonly word: string }>
> = {
  done: { tone: "good", sign: "✓", word: "done" },
  refused: { tone: "bad", sign: "✕", word: "refused" },
  "no-answer": { tone: "warning", sign: "?", word: "no answer" },
  skipped: { tone: "quiet", sign: "–", word: "skipped" },
};

/** What an action did, for each target, in the target's own words. */
export function OutcomeList({ outcomes }: { readonly outcomes: readonly ActionOutcome[] }) {
  return (
    <ul className="lv-outcomes">
      {outcomes.map((each) => (
        <li key={`${each.target}\n${each.outcome}\n${each.detail}`}>
          <Badge tone={SHOWN[each.outcome].tone} sign={SHOWN[each.outcome].sign}>
            {SHOWN[each.outcome].word}
          </Badge>
          <span className="lv-mono">{each.target}</span>
          <span className="lv-muted">{each.detail}</span>
        </li>
      ))}
    </ul>
  );
}

/** One line for a notice: "2 done, 1 refused: All processes busy". */
export function outcomeSummary(outcomes: readonly ActionOutcome[]): string {
  if (outcomes.length === 0) return "nobody answered";
  const kinds = new Map<ActionOutcome["outcome"], number>();
  for (const { outcome } of outcomes) kinds.set(outcome, (kinds.get(outcome) ?? 0) + 1);
  const counts = [...kinds].map(([kind, count]) =>
    outcomes.length === 1 ? SHOWN[kind].word : `${count} ${SHOWN[kind].word}`,
  );
  const reason = outcomes.find((each) => each.outcome === "refused")?.detail;
  return counts.join(", ") + (reason ? `: ${reason}` : "");
}

/** Whether all was done. */
export function allDone(outcomes: readonly ActionOutcome[]): boolean {
  return outcomes.length > 0 && outcomes.every((each) => each.outcome === "done");
}
