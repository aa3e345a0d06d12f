import type { QueueDetail } from "../../../api/queues.js";
import { jsonText } from "../../components/json-text.js";
import { Facts, Panel } from "../../components/page.js";
import { Empty } from "../../components/page-states.js";

/** Celery's names of a queue's properties in words; others are shown as they come. */
const NAMES: Readonly<Record<string, string>> = {
  durable: "Durable",
  exclusive: "Exclusive",
  auto_delete: "Deleted when unused",
  expires: "Expires",
  message_ttl: "Messages live",
  max_length: "Most messages",
  max_length_bytes: "Most bytes",
  max_priority: "Highest priority",
  "x-dead-letter-exchange": "Dead letters to",
  "x-dead-letter-routing-key": "Dead letters with",
  "x-max-priority": "Highest priority",
  "x-message-ttl": "Messages live, ms",
  "x-queue-type": "Type",
  policy: "Policy",
  priority_order: "Order of priorities",
};

/** How it was declared. */
export function QueueSettings({ queue }: { readonly queue: QueueDetail }) {
  if (queue.settings.length === 0) {
    return (
      <Empty title="Its settings are not known" icon="settings">
        {queue.notTold === null
          ? "The broker does not tell how it was declared, and no worker that consumes it is online to say so."
          : `The broker did not tell: ${queue.notTold}.`}
      </Empty>
    );
  }
  return (
    <div className="lv-stack">
      <Panel>
        <Facts
          facts={queue.settings.map(({ name, value }) => ({
            name: NAMES[name] ?? name,
            value: <bdi title={name}>{valueText(value)}</bdi>,
          }))}
        />
      </Panel>
      <DefinedBy queue={queue} />
    </div>
  );
}

const SAYS: Readonly<Record<"broker" | "workers" | "app", string>> = {
  broker: "As the broker has it.",
  workers: "As the workers that consume it declared it: this broker does not tell what others have bound.",
  app: "As the app's settings define it: this broker does not tell, and no worker consumes it. Others may have bound more.",
};

/** Who says how the queue is defined. */
export function DefinedBy({ queue: { definedBy, notTold } }: { readonly queue: QueueDetail }) {
  if (definedBy === null) return null;
  return (
    <p className="lv-muted">
      {SAYS[definedBy]}
      {notTold !== null && ` It did not answer: ${notTold}`}
    </p>
  );
}

function valueText(value: unknown): string {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null || value === undefined) return "not set";
  return typeof value === "string" ? value : jsonText(value);
}
