import type { QueueSummary } from "../../../api/queues.js";
import { Badge } from "../../components/state-badge.js";

/** What pausing does: no broker can stop a queue, so the workers do it. */
export const PAUSE_MEANING =
  "Every worker is told to stop consuming it; what it has taken it finishes. Workers that start later are told too, until it is resumed. Senders go on: the queue fills.";

/** Whether workers take from it. */
export function QueueState({ state }: Pick<QueueSummary, "state">) {
  if (state === "paused") {
    return (
      <Badge tone="warning" sign="‖" title={PAUSE_MEANING}>
        paused
      </Badge>
    );
  }
  if (state === "no-consumer") {
    return (
      <Badge tone="bad" sign="!" title="No worker takes from it: messages stay until one does">
        no consumer
      </Badge>
    );
  }
  return (
    <Badge tone="good" sign="▶">
      running
    </Badge>
  );
}
