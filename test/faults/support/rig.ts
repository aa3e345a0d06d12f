import type { StoppableServer } from "./faults.js";

/** Looks at, and into, messages that wait for their ETA, by the store's own means. */
export interface DelayedMessages {
  /** How many messages for `queue` the broker keeps that are due in about `seconds`. */
  count(queue: string, seconds: number): Promise<number>;
  /** Does to the messages of `queue` that wait for their ETA what the passing of time would: they are due now. */
  makeDue(queue: string): Promise<void>;
}

/** A broker under test: where it is, and what a test may do to it. */
export interface Rig {
  /** As the matrix names it. */
  readonly broker: string;
  /** Which server, in which version, with which settings. */
  readonly description: string;
  readonly url: string;
  /** How many messages of the queue are held, where the broker does not tell its clients; 0 where `counts` has them. */
  held(queue: string): Promise<number>;
  /** Seconds for which a count of none must hold before it is believed, where the broker's counts lag behind. */
  readonly countsLag: number;
  /** Where the results of those belong who reach the broker by this URL. */
  resultBackend(brokerUrl: string): string;
  readonly delayed: DelayedMessages;
  /** Undefined for a broker without a server. */
  readonly server: StoppableServer | undefined;
  /** Removes everything. */
  dispose(): Promise<void>;
}

export interface ServerRig extends Rig {
  readonly server: StoppableServer;
}
