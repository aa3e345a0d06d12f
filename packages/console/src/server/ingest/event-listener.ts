import { hostname } from "node:os";
import { EventReceiver, type Logger, type Lovage } from "lovage";
import {
  backoffDelay,
  encodeBody,
  isFields,
  type Message,
  newId,
  type ReceivedEvent,
  sleep,
  withDeadline,
} from "lovage/internal";

/** Seconds between two echoes. */
const ECHO_EVERY = 2;
/** Seconds without any echo after which nothing is heard, as far as can be told. */
const DEAF_AFTER = 8;
/** Seconds without an echo, though the broker takes them, after which the subscription is made anew. */
const RENEW_AFTER = 30;
/** Seconds that the broker may take for a subscription, or an echo. */
const DEADLINE = 15;
const ECHO_TYPE = "lovage-console-echo";

/** A time in which events may have passed unheard. Unix milliseconds; open while it lasts. */
export interface Deafness {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface EventListenerOptions {
  readonly app: Lovage;
  readonly logger: Logger;
  readonly onEvent: (event: ReceivedEvent) => void;
  /** It was deaf, and hears again. */
  readonly onHearingAgain: (deafness: Deafness) => void;
  readonly nowMs?: () => number;
}

/**
 * Listens to events for as long as it runs, however often the broker goes away, and knows when it was deaf: it sends an event of its own
 * every two seconds, which other monitors ignore, and expects to hear it. No driver has to tell when its connection was cut, and a
 * quiet broker is told from a dead one.
 */
export class EventListener {
  readonly #options: EventListenerOptions;
  readonly #nowMs: () => number;
  readonly #self = newId();
  readonly #stopping = new AbortController();
  #receiver: EventReceiver | undefined;
  #running: Promise<void> | undefined;
  #listening = false;
  /** Since when it hears without a break; undefined while it does not. */
  #hearsSinceMs: number | undefined;
  #heardMs: number | undefined;
  #subscribedMs = 0;
  #lastNumber = 0;
  #heardNumber = 0;
  #error: string | null = null;

  constructor(options: EventListenerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Since when all events are heard, without a break; undefined while they are not. */
  get hearsSinceMs(): number | undefined {
    return this.isDeaf ? undefined : this.#hearsSinceMs;
  }
  /** When the last event or echo was heard. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }
  get isDeaf(): boolean {
    return this.#heardMs === undefined || this.#nowMs() - this.#heardMs > DEAF_AFTER * 1000;
  }
  /** Why nothing is heard, in words; null while all is well. */
  get error(): string | null {
    return this.isDeaf ? (this.#error ?? "the broker does not pass events on") : null;
  }

  /** Begins; does not wait for a broker that is away. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#unsubscribe();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (!this.#listening) await this.#subscribe();
        await this.#echo();
        failures = 0;
        this.#error = null;
      } catch (error) {
        failures += 1;
        this.#error = error instanceof Error ? error.message : String(error);
        if (failures === 1) this.#options.logger.warn("cannot listen to events; trying again", { error: this.#error });
      }
      const wait = failures === 0 ? ECHO_EVERY : ECHO_EVERY + backoffDelay({ initial: 0.5, max: 8 }, failures);
      await sleep(wait, signal).catch(() => undefined);
    }
  }

  async #subscribe(): Promise<void> {
    const { app, logger } = this.#options;
    await this.#unsubscribe();
    const broker = await withDeadline(app.direct.broker(), DEADLINE, tooSlow);
    const receiver = new EventReceiver({ broadcast: broker.broadcast, logger, onEvent: (event) => this.#hear(event) });
    this.#receiver = receiver;
    await withDeadline(receiver.start(), DEADLINE, tooSlow);
    this.#listening = true;
    this.#subscribedMs = this.#nowMs();
  }

  async #unsubscribe(): Promise<void> {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#listening = false;
    if (!receiver) return;
    await withDeadline(receiver.stop(), DEADLINE, tooSlow).catch((error: unknown) => {
      this.#options.logger.debug("could not end the subscription to events", { error: String(error) });
    });
  }

  async #echo(): Promise<void> {
    const broker = await withDeadline(this.#options.app.direct.broker(), DEADLINE, tooSlow);
    this.#lastNumber += 1;
    const message = echoMessage(this.#self, this.#lastNumber, this.#nowMs());
    await withDeadline(broker.broadcast.publish("events", "lovage.console.echo", message), DEADLINE, tooSlow);
    const silentMs = this.#nowMs() - Math.max(this.#heardMs ?? 0, this.#subscribedMs);
    // The broker takes echoes and passes none on: the subscription is gone.
    if (silentMs > RENEW_AFTER * 1000) this.#listening = false;
  }

  #hear(event: ReceivedEvent): void {
    if (event.type !== ECHO_TYPE) {
      this.#options.onEvent(event);
      return;
    }
    const { console: sender, number } = isFields(event.fields) ? event.fields : {};
    if (sender === this.#self && typeof number === "number") this.#hearEcho(number);
  }

  /** An echo that is missing between two, or came late, means that events may have passed too. */
  #hearEcho(number: number): void {
    const nowMs = this.#nowMs();
    const unbroken = number <= this.#heardNumber + 1 && !this.isDeaf;
    if (!unbroken) {
      if (this.#heardMs !== undefined) this.#options.onHearingAgain({ fromMs: this.#heardMs, toMs: nowMs });
      this.#hearsSinceMs = nowMs;
    }
    this.#heardMs = nowMs;
    this.#heardNumber = Math.max(this.#heardNumber, number);
  }
}

function tooSlow(): Error {
  return new Error(`the broker did not answer within ${DEADLINE} s`);
}

/** As any event; others know no type of this name and pass it over (celery-protocol 8.3, "custom"). */
function echoMessage(self: string, number: number, nowMs: number): Message {
  const sender = `console@${hostname()}`;
  const event = {
    type: ECHO_TYPE,
    hostname: sender,
    timestamp: nowMs / 1000,
    utcoffset: 0,
    pid: process.pid,
    clock: 0,
    console: self,
    number,
  };
  const { body, contentType, contentEncoding } = encodeBody(event, { place: "event", typedValues: false });
  return {
    headers: { hostname: sender },
    properties: { delivery_mode: 1, priority: 0 },
    body,
    contentType,
    contentEncoding,
  };
}
