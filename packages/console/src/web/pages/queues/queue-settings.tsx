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
};

/** How it was declared. */
export function QueueSettings({ queue }: { readonly queue: QueueDetail }) {
  if (queue.settings.length === 0) {
    return (
      <Empty title="Its settings are not known" icon="settings">
        Workers tell how they declared it; none that consumes it is online.
      </Empty>
    );
  }
  return (
    <Panel>
      <Facts
        facts={queue.settings.map(({ name, value }) => ({
          name: NAMES[name] ?? name,
          value: <bdi title={name}>{valueText(value)}</bdi>,
        }))}
      />
    </Panel>
  );
}

function valueText(value: unknown): string {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null || value === undefined) return "not set";
  return typeof value === "string" ? value : jsonText(value);
}
