import type { Lovage } from "lovage";
import type { QueueDefinition } from "lovage/internal";
import type { QueueDetail } from "../../api/queues.js";
import { apiJson } from "./api-json.js";
import { askBroker, errorText } from "./broker-access.js";

type Binding = QueueDetail["bindings"][number];
type Setting = QueueDetail["settings"][number];

/** Where a queue's messages come from and how it was declared, and who says so. */
export type Definition = Pick<QueueDetail, "bindings" | "settings" | "definedBy" | "notTold">;

/** What the broker says, and whether it knows all that is bound or only what this process did. */
interface Told {
  readonly definition: QueueDefinition | undefined;
  readonly knowsAll: boolean;
  /** Why it says nothing; null when it was only asked for what it does not know. */
  readonly error: string | null;
}

/**
 * A queue as whoever knows best defines it: the broker, which knows it without workers too; where it does not tell, the workers that
 * consume it; where there are none, the app's own settings, by which a worker or sender would declare it. A broker that is away leaves
 * what the others say.
 */
export async function queueDefinition(
  app: Lovage,
  queue: string,
  byWorkers: { readonly bindings: readonly Binding[]; readonly settings: readonly Setting[] },
): Promise<Definition> {
  const { definition, knowsAll, error } = await toldByBroker(app, queue);
  const bindings = definition?.bindings.map(bindingOf) ?? [];
  if (definition && knowsAll) {
    // Of the workers only what the broker does not keep: a binding that was taken away since is still in their words.
    const settings = withoutDoubles([...settingsOf(definition), ...byWorkers.settings]);
    return { bindings, settings, definedBy: "broker", notTold: error };
  }
  const inUse = byWorkers.bindings.length > 0 || byWorkers.settings.length > 0;
  if (inUse) {
    const all = new Map([...bindings, ...byWorkers.bindings].map((each) => [keyOf(each), each]));
    return { bindings: [...all.values()], settings: [...byWorkers.settings], definedBy: "workers", notTold: error };
  }
  const configured = configuredQueue(app, queue) ?? definition;
  if (!configured) return { bindings: [], settings: [], definedBy: null, notTold: error };
  const all = new Map([...configured.bindings.map(bindingOf), ...bindings].map((each) => [keyOf(each), each]));
  return { bindings: [...all.values()], settings: settingsOf(configured), definedBy: "app", notTold: error };
}

async function toldByBroker(app: Lovage, queue: string): Promise<Told> {
  try {
    return await askBroker(app, `how ${queue} is defined`, async (broker) => ({
      definition: await broker.queues.definition(queue),
      knowsAll: broker.capabilities.inspection.queues === "all",
      error: null,
    }));
  } catch (error) {
    return { definition: undefined, knowsAll: false, error: errorText(error) };
  }
}

/** As the app would declare it, when its settings name it. */
function configuredQueue({ settings, router }: Lovage, queue: string): QueueDefinition | undefined {
  const isNamed = settings.taskDefaultQueue === queue || settings.taskQueues?.some(({ name }) => name === queue);
  if (!isNamed) return undefined;
  const { name, exchange, routingKey = name, maxPriority, type } = router.queue(queue);
  return {
    bindings: exchange ? [{ exchange: exchange.name, exchangeType: exchange.type, routingKey, arguments: {} }] : [],
    settings: { max_priority: maxPriority ?? null, ...(type !== undefined && { "x-queue-type": type }) },
  };
}

function bindingOf({
  exchange,
  exchangeType,
  routingKey,
  arguments: args,
}: QueueDefinition["bindings"][number]): Binding {
  const shown = Object.entries(args).map(([name, value]) => [name, apiJson(value)]);
  return { exchange, exchangeType, routingKey, arguments: Object.fromEntries(shown) };
}

function settingsOf({ settings }: QueueDefinition): Setting[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value: apiJson(value) }));
}

/** The first of each name. */
function withoutDoubles(settings: readonly Setting[]): Setting[] {
  const names = new Set<string>();
  return settings.filter(({ name }) => !names.has(name) && names.add(name));
}

function keyOf({ exchange, routingKey }: Binding): string {
  return JSON.stringify([exchange, routingKey]);
}
