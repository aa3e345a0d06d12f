import { readFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.js";
import { SqliteBroker } from "../../src/brokers/sqlite/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { IdleProcess } from "../support/idle-process.js";
import { Inbox } from "../support/inbox.js";
import { PeerProcess } from "../support/peer-process.js";
import { sqliteFile } from "../support/sqlite-file.js";
import { decodeText, textMessage } from "../support/text-message.js";

/** Seconds: longer than any test. */
const LONG_LEASE = 60;
/** Seconds. */
const SHORT_LEASE = 1;
const ANONYMOUS_TO_Q = { exchange: "", routingKey: "q" };

describe("a process that is killed", { timeout: 30_000 }, () => {
  test("amid a burst of publishing has published all that was confirmed", async () => {
    const { broker, url } = await givenQueue(LONG_LEASE);
    const publisher = await PeerProcess.start(url, LONG_LEASE);
    publisher.tell({ kind: "burst", queue: "q", inFlight: 50 });
    await publisher.heard("confirmed", 1000);

    await publisher.kill();

    const confirmed = publisher.texts("confirmed");
    const kept = new Set((await broker.queues.peek("q", { limit: 1e6 })).map(({ message }) => decodeText(message)));
    expect(confirmed.length).toBeGreaterThanOrEqual(1000);
    expect(confirmed.filter((text) => !kept.has(text))).toEqual([]);
  });

  test("while it holds messages leaves them to others within its lease", async () => {
    const { broker, url } = await givenQueue(SHORT_LEASE);
    await Promise.all(["a", "b", "c"].map((text) => broker.publish(textMessage(text), ANONYMOUS_TO_Q)));
    const holder = await PeerProcess.start(url, SHORT_LEASE);
    holder.tell({ kind: "hold", queue: "q", prefetch: 3 });
    await holder.heard("holding", 3);
    const inbox = await consume(broker);

    await holder.kill();
    const killedMs = performance.now();
    const deliveries = await inbox.take(3);

    // The lease, and the moment in which its end is noticed.
    expect(performance.now() - killedMs).toBeLessThan((SHORT_LEASE + 2) * 1000);
    expect(inbox.texts).toEqual(["a", "b", "c"]);
    expect(deliveries.map((each) => each.deliveries)).toEqual([2, 2, 2]);
  });
});

test("a process that was frozen past its lease can no longer acknowledge", { timeout: 30_000 }, async () => {
  const { broker, url } = await givenQueue(SHORT_LEASE);
  await broker.publish(textMessage("x"), ANONYMOUS_TO_Q);
  const holder = await PeerProcess.start(url, SHORT_LEASE);
  holder.tell({ kind: "hold", queue: "q", prefetch: 1 });
  await holder.heard("holding");
  holder.freeze();
  const inbox = await consume(broker);
  const delivery = await inbox.next();
  await delivery.extend(LONG_LEASE);

  holder.tell({ kind: "ack" });
  holder.thaw();

  const [acked] = await holder.heard("acked");
  expect(acked?.error).toBe("LeaseLostError");
  expect(await broker.queues.counts("q")).toMatchObject({ unacked: 1, ready: 0 });
  await delivery.ack();
});

describe("an idle consumer in another process", { timeout: 30_000 }, () => {
  test("picks up a message well before the next poll", async ({ annotate }) => {
    const { broker, url } = await givenQueue(LONG_LEASE);
    const peer = await PeerProcess.start(url, LONG_LEASE);
    peer.tell({ kind: "consume", queue: "q", prefetch: 1 });
    await peer.heard("consuming");
    const latenciesMs: number[] = [];
    for (let turn = 1; turn <= 40; turn++) {
      // Long enough apart that the consumer sleeps in between.
      await new Promise((later) => setTimeout(later, 20));
      const publishedMs = Date.now();
      await broker.publish(textMessage(String(turn)), ANONYMOUS_TO_Q);
      const consumed = await peer.heard("consumed", turn);
      latenciesMs.push((consumed.at(-1)?.receivedMs ?? 0) - publishedMs);
    }
    latenciesMs.sort((a, b) => a - b);
    await annotate(`publish to pick-up: p50 ${latenciesMs[20]} ms, p95 ${latenciesMs[38]} ms`);
    expect(latenciesMs[20]).toBeLessThan(1000);
  });

  test.skipIf(process.platform !== "linux")("uses hardly any processor time", async ({ annotate }) => {
    const { url } = await givenQueue(15);
    const idle = await IdleProcess.start("consume", url);
    await new Promise((later) => setTimeout(later, 500));
    const beforeMs = await cpuMs(idle.pid);
    await new Promise((later) => setTimeout(later, 3000));
    const share = ((await cpuMs(idle.pid)) - beforeMs) / 3000;
    await annotate(`an idle consumer uses ${(share * 100).toFixed(2)} % of a core`);
    expect(share).toBeLessThan(0.05);
  });

  test("keeps its process alive until its broker is closed, and no longer", async () => {
    const { broker, url } = await givenQueue(LONG_LEASE);
    const idle = await IdleProcess.start("consume", url);
    // A process that nothing holds ends at once.
    await new Promise((later) => setTimeout(later, 300));
    expect(idle.isAlive).toBe(true);
    await broker.publish(textMessage("the only one"), ANONYMOUS_TO_Q);
    expect(await idle.end()).toBe(0);
    expect(idle.lines).toEqual(["idle", "the only one"]);
  });
});

test("a process that listens to broadcasts lives until its broker is closed, and no longer", {
  timeout: 30_000,
}, async () => {
  const { broker, url } = await givenQueue(LONG_LEASE);
  const idle = await IdleProcess.start("listen", url);
  await new Promise((later) => setTimeout(later, 300));
  expect(idle.isAlive).toBe(true);
  await broker.broadcast.publish("events", "k", textMessage("news"));
  expect(await idle.end()).toBe(0);
  expect(idle.lines).toEqual(["idle", "news"]);
});

test("processes that compete for a queue get each message once", { timeout: 30_000 }, async () => {
  const { broker, url } = await givenQueue(LONG_LEASE);
  const peers = await Promise.all([PeerProcess.start(url, LONG_LEASE), PeerProcess.start(url, LONG_LEASE)]);
  for (const peer of peers) {
    peer.tell({ kind: "consume", queue: "q", prefetch: 10 });
    await peer.heard("consuming");
  }
  const texts = Array.from({ length: 1000 }, (_, index) => String(index));
  await Promise.all(texts.map((text) => broker.publish(textMessage(text), ANONYMOUS_TO_Q)));
  const consumed = (): string[] => peers.flatMap((peer) => peer.texts("consumed"));
  await vi.waitFor(() => expect(consumed().length).toBeGreaterThanOrEqual(1000), { timeout: 20_000, interval: 50 });
  expect(consumed().toSorted()).toEqual(texts.toSorted());
  expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
});

/** A broker on a new file with one queue `q`; closed when the test is over. */
async function givenQueue(leaseSeconds: number): Promise<{ broker: Broker; url: string }> {
  const file = await sqliteFile();
  onTestFinished(file.remove);
  const broker = new SqliteBroker({
    url: file.url,
    leaseSeconds,
    publishTimeout: 10,
    connections: new Connections(),
    logger: silentLogger,
  });
  onTestFinished(() => broker.close());
  await broker.connect();
  await broker.declare({ name: "q" });
  return { broker, url: file.url };
}

async function consume(broker: Broker): Promise<Inbox> {
  const inbox = new Inbox();
  await broker.consume(["q"], { prefetch: 10 }, inbox.accept);
  return inbox;
}

/** Processor time a process has used so far, its kernel's time included. Source: proc(5), /proc/pid/stat fields 14 and 15. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field, the program's name, is in parentheses and may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const TICKS_PER_SECOND = 100;
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}
