/** Word, sign and colour of each state; a state of a task's own is shown under its name. */
const SIGNS: Readonly<Record<string, { readonly sign: string; readonly tone: Tone }>> = {
  PENDING: { sign: "○", tone: "quiet" },
  WAITING: { sign: "○", tone: "quiet" },
  SCHEDULED: { sign: "◷", tone: "planned" },
  RECEIVED: { sign: "◔", tone: "planned" },
  STARTED: { sign: "▶", tone: "running" },
  PROGRESS: { sign: "▶", tone: "running" },
  RETRY: { sign: "↻", tone: "warning" },
  SUCCESS: { sign: "✓", tone: "good" },
  FAILURE: { sign: "✕", tone: "bad" },
  REVOKED: { sign: "⊘", tone: "stopped" },
  REJECTED: { sign: "⊗", tone: "stopped" },
  IGNORED: { sign: "~", tone: "quiet" },
  LOST: { sign: "?", tone: "lost" },
};

export type Tone = "quiet" | "planned" | "running" | "good" | "warning" | "bad" | "stopped" | "lost";

/** The tone of a task's state, for charts and legends: `var(--lv-tone-<tone>)`. */
export function stateTone(state: string): Tone {
  return SIGNS[state]?.tone ?? "running";
}
export function stateSign(state: string): string {
  return SIGNS[state]?.sign ?? "•";
}

/** The state of a task: a word, a sign and a colour. */
export function StateBadge({ state }: { readonly state: string }) {
  return (
    <Badge tone={stateTone(state)} sign={stateSign(state)}>
      {state}
    </Badge>
  );
}

/** The same for any other state: of a worker, a queue, an operation. */
export function Badge({
  tone,
  sign,
  children,
  title,
}: {
  readonly tone: Tone;
  readonly sign?: string;
  readonly children: string;
  readonly title?: string;
}) {
  return (
    <span className={`lv-badge lv-tone-${tone}`} title={title}>
      {sign !== undefined && (
        <span className="lv-badge-sign" aria-hidden="true">
          {sign}
        </span>
      )}
      {children}
    </span>
  );
}
