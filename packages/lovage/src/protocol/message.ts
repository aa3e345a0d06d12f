/**
 * The envelope every broker carries: Celery's message protocol 2.
 * Drivers store and move it as it is; nothing is re-encoded between brokers.
 * Source: celery-protocol "Anatomy (protocol 2)".
 */
export interface Message {
  /** Application headers: for a task `task`, `id`, `eta`, `retries`, … (celery-protocol 2.3). JSON values only. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Transport properties (celery-protocol 2.2). Unknown ones are kept. */
  readonly properties: MessageProperties;
  /** The payload, serialised and perhaps compressed. */
  readonly body: Uint8Array;
  /** `application/json` unless something else was asked for; null when the envelope named none. */
  readonly contentType: string | null;
  /** `utf-8` or `binary`. */
  readonly contentEncoding: string | null;
}

/** Wire names, as in AMQP's basic properties. */
export interface MessageProperties {
  readonly correlation_id?: string;
  readonly reply_to?: string;
  /** 1 transient, 2 persistent. */
  readonly delivery_mode?: number;
  readonly priority?: number;
  /** Milliseconds left to live, as decimal text. */
  readonly expiration?: string;
  readonly [name: string]: unknown;
}
