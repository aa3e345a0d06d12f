import type { DeadLetterItem } from "../../api/queues.js";
import { redactText } from "../ingest/redact.js";
import type { ScannedLetter } from "./dead-letter-book.js";
import { type MessageViewOptions, messageView } from "./message-view.js";

/** Characters of an error that are shown in a list. */
const MAX_ERROR = 4000;

/** A dead letter as people see it. Its header is a message's like any other: whoever can publish may have written it. */
export function deadLetterView(letter: ScannedLetter, options: MessageViewOptions): DeadLetterItem {
  const { key, message, death, names } = letter;
  const { id, task } = names;
  const died = instantOf(death.died);
  return {
    key,
    task,
    id,
    queue: death.queue,
    reason: death.reason,
    error: redactText(death.error.slice(0, MAX_ERROR)),
    deliveries: whole(death.deliveries),
    died,
    worker: death.worker,
    sizeBytes: message.body.byteLength,
    replayed: whole(death.replayed),
    earlier: death.earlier.map(({ reason, queue, worker, died, error }) => ({
      reason,
      queue,
      worker,
      died: instantOf(died),
      error: redactText(error.slice(0, MAX_ERROR)),
    })),
    exitCode: typeof death.exitCode === "number" ? whole(death.exitCode) : null,
    signal: typeof death.signal === "string" ? death.signal : null,
    memoryBytes: typeof death.memory === "number" ? death.memory : null,
    message: messageView(
      { key, message, state: "ready", eta: undefined, deliveries: whole(death.deliveries), published: undefined },
      { ...options, names },
    ),
  };
}

function whole(value: number): number {
  return Number.isSafeInteger(Math.trunc(value)) ? Math.trunc(value) : 0;
}
function instantOf(text: string): string {
  const date = new Date(text);
  return Number.isFinite(date.getTime()) ? date.toISOString() : new Date(0).toISOString();
}
