import { BrokerError, UnroutableError } from "../errors.js";
import type { ExchangeSpec, ExchangeType, QueueBinding, QueueDefinition, QueueSpec, Route } from "./broker.js";
import { matchesTopic } from "./topic-pattern.js";

export interface Binding<Q> {
  readonly queue: Q;
  readonly routingKey: string;
}

/** Which of an exchange's bindings a message goes to; each queue once, however many of its bindings match. */
export function routedQueues<Q>(type: ExchangeType, bindings: readonly Binding<Q>[], routingKey: string): Q[] {
  const matching = bindings.filter((binding) => {
    if (type === "fanout") return true;
    return type === "direct" ? binding.routingKey === routingKey : matchesTopic(binding.routingKey, routingKey);
  });
  return [...new Set(matching.map(({ queue }) => queue))];
}

/** A queue of a broker of ours as its bindings define it; `isIt` tells it from the others. */
export function queueDefinition<Q>(
  exchanges: Iterable<readonly [string, { readonly type: ExchangeType; readonly bindings: readonly Binding<Q>[] }]>,
  maxPriority: number | undefined,
  isIt: (queue: Q) => boolean,
): QueueDefinition {
  const bindings = [...exchanges].flatMap(([exchange, { type, bindings }]) =>
    bindings
      .filter(({ queue }) => isIt(queue))
      .map(({ routingKey }) => ({ exchange, exchangeType: type, routingKey, arguments: {} })),
  );
  return { bindings: sortedBindings(bindings), settings: { max_priority: maxPriority ?? null } };
}

/** In the order in which `QueueDefinition` has them. */
export function sortedBindings(bindings: readonly QueueBinding[]): QueueBinding[] {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...bindings].sort((a, b) => compare(a.exchange, b.exchange) || compare(a.routingKey, b.routingKey));
}

/** For a message that no queue gets though its route asks for one. */
export function unroutable({ exchange, routingKey }: Route): UnroutableError {
  const where =
    exchange === ""
      ? `no queue is named ${routingKey}`
      : `exchange ${exchange} routes ${JSON.stringify(routingKey)} to no queue`;
  return new UnroutableError(`${where}: declare it before publishing to it`);
}

export function noSuchQueue(name: string): BrokerError {
  return new BrokerError(`queue ${name} is not declared`, { code: "no_such_queue" });
}

/** Throws when a queue exists with a property other than it is declared with here. */
export function checkSameQueue(
  known: { readonly maxPriority: number | undefined },
  { name, maxPriority }: QueueSpec,
): void {
  if (known.maxPriority === maxPriority) return;
  throw new BrokerError(
    `queue ${name} exists with maxPriority ${known.maxPriority ?? "unset"}; it was declared here with ${maxPriority ?? "unset"}`,
    {
      code: "queue_mismatch",
    },
  );
}

/** Throws when an exchange exists with another type than it is declared with here. */
export function checkSameExchange(known: { readonly type: ExchangeType }, { name, type }: ExchangeSpec): void {
  if (known.type === type) return;
  throw new BrokerError(`exchange ${name} exists with type ${known.type}; it was declared here with ${type}`, {
    code: "exchange_mismatch",
  });
}
