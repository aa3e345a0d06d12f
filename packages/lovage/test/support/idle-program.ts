import { openBackend } from "../../src/backends/open-backend.js";
import { openBroker } from "../../src/brokers/open-broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { decodeText } from "./text-message.js";

// A program with nothing of its own to keep it alive: no server, no timer, no channel to its parent.

const [, , kind = "", url = ""] = process.argv;
const options = { url, connections: new Connections(), logger: silentLogger };

/** Does not close the backend: a program that has its result may simply end. */
async function waitForResult(): Promise<void> {
  const backend = await openBackend({ ...options, resultExpires: null });
  await backend.connect();
  const result = backend.wait("t", new AbortController().signal);
  console.log("idle");
  console.log((await result).result);
}

async function consumeOne(): Promise<void> {
  const broker = await openBroker({ ...options, leaseSeconds: 15, publishTimeout: 10 });
  await broker.connect();
  await broker.declare({ name: "q" });
  await broker.consume(["q"], { prefetch: 1 }, (delivery) => {
    console.log(decodeText(delivery.message));
    void delivery.ack().then(() => broker.close());
  });
  console.log("idle");
}

async function listenOnce(): Promise<void> {
  const broker = await openBroker({ ...options, leaseSeconds: 15, publishTimeout: 10 });
  await broker.connect();
  await broker.broadcast.subscribe("events", "#", (message) => {
    console.log(decodeText(message));
    void broker.close();
  });
  console.log("idle");
}

const PROGRAMS: Readonly<Record<string, () => Promise<void>>> = {
  wait: waitForResult,
  consume: consumeOne,
  listen: listenOnce,
};
await PROGRAMS[kind]?.();
