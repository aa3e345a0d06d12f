import { ActionIcon } from "@mantine/core";
import type { ActionOutcome } from "../../api/common.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { OutcomeList, outcomeSummary } from "./outcome-list.js";

/** What an action was, and what became of it at each target. */
export interface Reply {
  /** "Ping", "Pause images". */
  readonly what: string;
  readonly outcomes: readonly ActionOutcome[];
}

/** Replies listed at most: a thousand of them would hide the page. */
const LISTED = 100;

/** What the last action of the page did, for each worker or message in its own words; stays until it is closed. */
export function ReplyStrip({ reply, onClose }: { readonly reply: Reply | undefined; readonly onClose: () => void }) {
  // The region is there before its text: only then is the text read out.
  return (
    <div role="status" aria-live="polite" className="lv-replies-region">
      {reply && (
        <section className="lv-replies" aria-label={`${reply.what}: replies`}>
          <div className="lv-replies-head">
            <strong>{reply.what}</strong>
            <span className="lv-muted">{outcomeSummary(reply.outcomes)}</span>
            <ActionIcon variant="subtle" color="gray" size={26} aria-label={texts.close} onClick={onClose}>
              <Icon name="close" size={14} />
            </ActionIcon>
          </div>
          <OutcomeList outcomes={reply.outcomes.slice(0, LISTED)} />
          {reply.outcomes.length > LISTED && <p className="lv-muted">and {reply.outcomes.length - LISTED} more</p>}
        </section>
      )}
    </div>
  );
}

/** Outcomes that say the very same of the very same target are one, with how many they are. */
export function mergeOutcomes(outcomes: readonly ActionOutcome[]): ActionOutcome[] {
  const counts = new Map<string, { readonly first: ActionOutcome; count: number }>();
  for (const each of outcomes) {
    const key = JSON.stringify([each.target, each.outcome, each.detail]);
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { first: each, count: 1 });
  }
  return [...counts.values()].map(({ first, count }) =>
    count === 1 ? first : { ...first, detail: `${first.detail} × ${count}` },
  );
}
