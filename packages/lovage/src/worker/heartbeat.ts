import { loadavg } from "node:os";
import type { EventSender } from "../event-sender.js";
import { SOFTWARE } from "../protocol/software.js";
import type { Clock } from "../util/clock.js";
import type { Service } from "../util/service.js";
import type { Ledger } from "./ledger.js";

/** Seconds between heartbeats, as Celery's workers send them. */
const FREQUENCY = 2;

/** Tells monitors that this worker is there: online, every two seconds, offline. Runs on the main thread, which tasks cannot block. */
export class Heartbeat implements Service {
  readonly #events: EventSender;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  #cancelTimer: (() => void) | undefined;

  constructor(options: { events: EventSender; ledger: Ledger; clock: Clock }) {
    this.#events = options.events;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
  }

  async start(): Promise<void> {
    if (this.#cancelTimer) return;
    this.#schedule();
    await this.#events.sendNow({ type: "worker-online", ...this.#vitals() });
  }

  async stop(): Promise<void> {
    if (!this.#cancelTimer) return;
    this.#cancelTimer();
    this.#cancelTimer = undefined;
    await this.#events.sendNow({ type: "worker-offline", ...this.#vitals() });
  }

  /** One beat out of turn, for the remote control command `heartbeat`. */
  async beat(): Promise<void> {
    await this.#events.sendNow({ type: "worker-heartbeat", ...this.#vitals() });
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.after(
      FREQUENCY,
      () => {
        this.#schedule();
        void this.beat();
      },
      { unref: true },
    );
  }

  #vitals(): { freq: number; active: number; processed: number; loadavg: number[] } & typeof SOFTWARE {
    const { activeCount: active, processed } = this.#ledger;
    return {
      freq: FREQUENCY,
      active,
      processed,
      loadavg: loadavg().map((load) => Math.round(load * 100) / 100),
      ...SOFTWARE,
    };
  }
}
