import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import { costOf } from "../measure.mjs";
import { countdown, keepInFlight } from "./contestant.mjs";
import { body, headers } from "./envelope.mjs";

/** Messages held at a time, as by Lovage's worker. */
const PREFETCH = 200;
const OPTIONS = {
  contentType: "application/json",
  contentEncoding: "utf-8",
  persistent: true,
  headers,
  mandatory: true,
};

/** amqplib alone: confirmed publishes of a prepared message; consume and acknowledge one by one. @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function rawAmqp(url) {
  /** @template T @param {(channel: import("amqplib").ConfirmChannel, queue: string) => Promise<T>} work */
  async function withQueue(work) {
    const connection = await amqp.connect(url);
    const channel = await connection.createConfirmChannel();
    const queue = `bench-${randomUUID()}`;
    await channel.assertQueue(queue, { durable: true });
    try {
      return await work(channel, queue);
    } finally {
      await channel.deleteQueue(queue);
      await connection.close();
    }
  }
  /** @param {import("amqplib").ConfirmChannel} channel @param {string} queue */
  const publish = (channel, queue) =>
    new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
      channel.publish("", queue, body, OPTIONS, (error) => (error ? reject(error) : resolve()));
    });
  return {
    name: "amqplib",
    enqueue: (count, inFlight) =>
      withQueue((channel, queue) => costOf(count, () => keepInFlight(count, inFlight, () => publish(channel, queue)))),
    drain: (count) =>
      withQueue(async (channel, queue) => {
        await keepInFlight(count, PREFETCH, () => publish(channel, queue));
        await channel.prefetch(PREFETCH);
        const done = countdown(count);
        return await costOf(count, async () => {
          await channel.consume(queue, (message) => {
            if (!message) return;
            channel.ack(message);
            done.hit();
          });
          await done.reached;
        });
      }),
  };
}
