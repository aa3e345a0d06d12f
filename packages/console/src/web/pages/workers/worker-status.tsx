import type { WorkerSummary } from "../../../api/workers.js";
import { Badge, type Tone } from "../../components/state-badge.js";
import { relativeTime } from "../../components/time.js";
import { useNow } from "../../state/app-context.js";

const SHOWN: Readonly<Record<WorkerSummary["status"], { readonly tone: Tone; readonly sign: string }>> = {
  online: { tone: "good", sign: "●" },
  silent: { tone: "warning", sign: "!" },
  offline: { tone: "quiet", sign: "○" },
};

/** Whether it is there, as a word, a sign and a colour. */
export function WorkerStatus({ status }: { readonly status: WorkerSummary["status"] }) {
  return (
    <Badge tone={SHOWN[status].tone} sign={SHOWN[status].sign}>
      {status}
    </Badge>
  );
}

/** "lovage 0.1.0", "celery 5.2.6". */
export function kindText({ kind, version }: Pick<WorkerSummary, "kind" | "version">): string {
  return version === null ? kind : `${kind} ${version}`;
}

/** "12 s ago", as a plain text; "never" when it is not known. */
export function useAgo(at: string | null): string {
  const now = useNow();
  return at === null ? "never" : relativeTime(Date.parse(at), now);
}
