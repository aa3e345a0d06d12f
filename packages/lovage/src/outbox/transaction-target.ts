/** Where tasks go that are sent inside transactions: straight to the broker, or to an outbox that workers relay to it. */
export interface TransactionTarget {
  readonly kind: "broker" | "outbox";
  readonly url: string;
  readonly transport: Readonly<Record<string, unknown>>;
}

/** @param settings the app's */
export function transactionTarget(settings: {
  readonly brokerUrl: string;
  readonly outboxUrl: string | null;
  readonly brokerTransportOptions: Readonly<Record<string, unknown>>;
}): TransactionTarget {
  const { brokerUrl, outboxUrl, brokerTransportOptions } = settings;
  return outboxUrl === null || outboxUrl === brokerUrl
    ? { kind: "broker", url: brokerUrl, transport: brokerTransportOptions }
    : { kind: "outbox", url: outboxUrl, transport: {} };
}
