import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SqliteBackend } from "../src/backends/sqlite/backend.js";
import type { Delivery } from "../src/brokers/broker.js";
import { SqliteBroker } from "../src/brokers/sqlite/broker.js";
import { Connections } from "../src/connections/connections.js";
import { openSqliteFile } from "../src/connections/sqlite-driver.js";
import { silentLogger } from "../src/util/logger.js";
import { sqliteFile } from "./support/sqlite-file.js";
import { textMessage } from "./support/text-message.js";

// A worker stores a result and acknowledges its message in one step where both are kept in one log. What it relies on is pinned here.

let file: Awaited<ReturnType<typeof sqliteFile>>;
let broker: SqliteBroker;
let backend: SqliteBackend;

beforeEach(async () => {
  file = await sqliteFile();
  const shared = { url: file.url, connections: new Connections(), logger: silentLogger };
  broker = new SqliteBroker({ ...shared, leaseSeconds: 10, publishTimeout: 10 });
  backend = new SqliteBackend({ ...shared, resultExpires: 60 });
  await broker.connect();
  await backend.connect();
  await broker.declare({ name: "q" });
});
afterEach(async () => {
  await broker.close();
  await backend.close();
  await file.remove();
});

async function held(): Promise<Delivery> {
  await broker.publish(textMessage("m"), { exchange: "", routingKey: "q" });
  return await new Promise((resolve, reject) => {
    broker.consume(["q"], { prefetch: 8 }, resolve).catch(reject);
  });
}
function storeFor(delivery: Delivery, result: unknown = 1): Promise<boolean> {
  const meta = { taskId: "id-1", status: "SUCCESS", result, traceback: null, children: [], dateDone: new Date() };
  return backend.store(meta, { fence: delivery.token });
}

describe("a result and the acknowledgement that go to one log together", () => {
  test("are known to by both drivers, which name the same log", () => {
    expect(broker.capabilities.log).toBe(backend.capabilities.log);
    expect(typeof broker.capabilities.log).toBe("string");
  });

  test("are both there when both have settled", async () => {
    const delivery = await held();
    await Promise.all([storeFor(delivery), delivery.ack()]);
    expect(await backend.get("id-1")).toMatchObject({ status: "SUCCESS" });
    expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
  });

  test("fall together when the result cannot be stored, and the message is still held", async () => {
    const delivery = await held();
    const other = await openSqliteFile(file.path, silentLogger);
    other.exec("ALTER TABLE result_tasks RENAME TO put_aside");

    const [stored, acknowledged] = await Promise.allSettled([storeFor(delivery), delivery.ack()]);

    expect([stored.status, acknowledged.status]).toEqual(["rejected", "rejected"]);
    expect(await broker.queues.counts("q")).toMatchObject({ unacked: 1 });

    // And once it can be stored again, both can be asked for again.
    other.exec("ALTER TABLE put_aside RENAME TO result_tasks");
    other.close();
    await Promise.all([storeFor(delivery), delivery.ack()]);
    expect(await backend.get("id-1")).toMatchObject({ status: "SUCCESS" });
    expect(await broker.queues.counts("q")).toMatchObject({ unacked: 0 });
  });

  test("fall together also when the result cannot even be encoded", async () => {
    const delivery = await held();
    const [stored, acknowledged] = await Promise.allSettled([storeFor(delivery, () => 1), delivery.ack()]);
    expect([stored.status, acknowledged.status]).toEqual(["rejected", "rejected"]);
    expect(await broker.queues.counts("q")).toMatchObject({ unacked: 1 });
  });
});
