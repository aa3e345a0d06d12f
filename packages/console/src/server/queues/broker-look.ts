import { BrokerError, type Lovage } from "lovage";
import { type BrokerCapabilities, type QueueCounts, withDeadline } from "lovage/internal";
import { askBroker, BROKER_SECONDS, errorText } from "./broker-access.js";

/** What one look at the broker found. */
export interface BrokerLook {
  readonly atMs: number;
  readonly capabilities: BrokerCapabilities;
  readonly counts: ReadonlyMap<string, QueueCounts>;
  /** Names that were asked for and are no queues. */
  readonly missing: ReadonlySet<string>;
  /** Queues whose own question failed, and why. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Questions that wait for their answers at once: a broker has others to serve. */
const AT_ONCE = 8;

/**
 * Counts all queues that the broker lists, and those `named` besides. Rejects with a `BrokerConnectionError` when the broker cannot be
 * reached or does not answer in time; a queue that cannot be counted by itself is in `failed`.
 */
export async function lookAtQueues(app: Lovage, named: Iterable<string>, now: () => Date): Promise<BrokerLook> {
  const { listed, capabilities } = await askBroker(app, "which queues there are", async (broker) => ({
    listed: await broker.queues.list(),
    capabilities: broker.capabilities,
  }));
  const counts = new Map<string, QueueCounts>();
  const missing = new Set<string>();
  const failed = new Map<string, string>();
  const names = [...new Set([...listed, ...named])];
  const countNext = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      try {
        const found = await countOf(app, name);
        if (found) counts.set(name, found);
        else missing.add(name);
      } catch (error) {
        // One that does not answer is asked once, not once for each of its queues.
        if (!isOfQueue(error)) throw error;
        failed.set(name, errorText(error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, countNext));
  return { atMs: now().getTime(), capabilities, counts, missing, failed };
}

async function countOf(app: Lovage, name: string): Promise<QueueCounts | undefined> {
  return await askBroker(app, `how much is in ${name}`, async (broker) => await broker.queues.counts(name));
}

/** Whether the broker refused this question only. */
function isOfQueue(error: unknown): boolean {
  return error instanceof BrokerError && error.code !== "broker_connection" && error.code !== "broker_closed";
}

/** A look that takes longer than this is given up: the next one may find a broker that answers. */
export const LOOK_SECONDS = 4 * BROKER_SECONDS;

/** As `lookAtQueues`, and no longer than `LOOK_SECONDS` in all. */
export async function lookInTime(app: Lovage, named: Iterable<string>, now: () => Date): Promise<BrokerLook> {
  return await withDeadline(
    lookAtQueues(app, named, now),
    LOOK_SECONDS,
    () =>
      new BrokerError(`the broker's queues could not be counted within ${LOOK_SECONDS} s`, {
        code: "broker_connection",
      }),
  );
}
