import type { Delivery } from "../../src/brokers/broker.js";
import { decodeText } from "./text-message.js";

/** Takes what a consumer delivers, so that a test can wait for it. */
export class Inbox {
  /** All that came, in order. */
  readonly deliveries: Delivery[] = [];
  #read = 0;
  readonly #waiting = new Set<() => void>();

  /** To be given to `Broker.consume`. */
  readonly accept = (delivery: Delivery): void => {
    this.deliveries.push(delivery);
    for (const look of [...this.#waiting]) look();
  };

  /** The next one that no call has returned yet. */
  async next(): Promise<Delivery> {
    const [delivery] = await this.take(1);
    if (!delivery) throw new Error("an inbox returned nothing");
    return delivery;
  }

  /** The next `count`, once all of them are there. */
  async take(count: number): Promise<Delivery[]> {
    const from = this.#read;
    this.#read += count;
    await this.holds(this.#read);
    return this.deliveries.slice(from, from + count);
  }

  /** Resolves when `count` have come in all. */
  holds(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.deliveries.length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The texts of all that came. */
  get texts(): string[] {
    return this.deliveries.map(({ message }) => decodeText(message));
  }
}
