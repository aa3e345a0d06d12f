import { describe, expect, onTestFinished, test } from "vitest";
import type { ResultBackend } from "../src/backends/backend.js";
import { openBackend } from "../src/backends/open-backend.js";
import type { Broker, Delivery } from "../src/brokers/broker.js";
import { openBroker } from "../src/brokers/open-broker.js";
import { Connections } from "../src/connections/connections.js";
import { openSqliteFile } from "../src/connections/sqlite-driver.js";
import { silentLogger } from "../src/util/logger.js";
import { postgresSchema } from "./support/postgres-schema.js";
import { describeWithServer } from "./support/servers.js";
import { sqliteFile } from "./support/sqlite-file.js";
import { textMessage } from "./support/text-message.js";

// A worker stores a result and acknowledges its message in one step where both are kept in one log. What it relies on is pinned here.

/** A store that keeps messages and results, with nothing in it. */
interface Store {
  readonly url: string;
  /** A hand from outside on the table of results. */
  putAside(): Promise<void>;
  putBack(): Promise<void>;
  remove(): Promise<void>;
}

describeSharedLog("SQLite", async () => {
  const file = await sqliteFile();
  const run = async (sql: string): Promise<void> => {
    const other = await openSqliteFile(file.path, silentLogger);
    other.exec(sql);
    other.close();
  };
  return {
    url: file.url,
    putAside: () => run("ALTER TABLE result_tasks RENAME TO put_aside"),
    putBack: () => run("ALTER TABLE put_aside RENAME TO result_tasks"),
    remove: file.remove,
  };
});

describeWithServer("postgres", "on a PostgreSQL server", (server) => {
  describeSharedLog("PostgreSQL", async () => {
    const schema = await postgresSchema(server);
    const run = async (sql: string): Promise<void> => {
      await schema.query(sql);
    };
    return {
      url: schema.url,
      putAside: () => run(`ALTER TABLE ${schema.name}.result_tasks RENAME TO put_aside`),
      putBack: () => run(`ALTER TABLE ${schema.name}.put_aside RENAME TO result_tasks`),
      remove: schema.remove,
    };
  });
});

function describeSharedLog(name: string, makeStore: () => Promise<Store>): void {
  interface Given {
    readonly store: Store;
    readonly broker: Broker;
    readonly backend: ResultBackend;
    readonly delivery: Delivery;
  }

  /** Both drivers on one store, and a message that the broker has handed out. */
  async function givenDelivery(): Promise<Given> {
    const store = await makeStore();
    onTestFinished(store.remove);
    const shared = { url: store.url, connections: new Connections(), logger: silentLogger };
    const broker = await openBroker({ ...shared, leaseSeconds: 10, publishTimeout: 10 });
    const backend = await openBackend({ ...shared, resultExpires: 60 });
    onTestFinished(async () => {
      await broker.close();
      await backend.close();
    });
    await broker.connect();
    await backend.connect();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("m"), { exchange: "", routingKey: "q" });
    const delivery = await new Promise<Delivery>((resolve, reject) => {
      broker.consume(["q"], { prefetch: 8 }, resolve).catch(reject);
    });
    return { store, broker, backend, delivery };
  }

  function storeFor({ backend, delivery }: Given, result: unknown = 1): Promise<boolean> {
    const meta = { taskId: "id-1", status: "SUCCESS", result, traceback: null, children: [], dateDone: new Date() };
    return backend.store(meta, { fence: delivery.token });
  }

  describe(`a result and the acknowledgement that go to one log of ${name} together`, () => {
    test("are known to by both drivers, which name the same log", async () => {
      const { broker, backend } = await givenDelivery();
      expect(broker.capabilities.log).toBe(backend.capabilities.log);
      expect(typeof broker.capabilities.log).toBe("string");
    });

    test("are both there when both have settled", async () => {
      const given = await givenDelivery();
      await Promise.all([storeFor(given), given.delivery.ack()]);
      expect(await given.backend.get("id-1")).toMatchObject({ status: "SUCCESS" });
      expect(await given.broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
    });

    test("fall together when the result cannot be stored, and the message is still held", async () => {
      const given = await givenDelivery();
      const { store, broker, backend, delivery } = given;
      await store.putAside();

      const [stored, acknowledged] = await Promise.allSettled([storeFor(given), delivery.ack()]);

      expect([stored.status, acknowledged.status]).toEqual(["rejected", "rejected"]);
      expect(await broker.queues.counts("q")).toMatchObject({ unacked: 1 });

      // And once it can be stored again, both can be asked for again.
      await store.putBack();
      await Promise.all([storeFor(given), delivery.ack()]);
      expect(await backend.get("id-1")).toMatchObject({ status: "SUCCESS" });
      expect(await broker.queues.counts("q")).toMatchObject({ unacked: 0 });
    });

    test("fall together also when the result cannot even be encoded", async () => {
      const given = await givenDelivery();
      const [stored, acknowledged] = await Promise.allSettled([storeFor(given, () => 1), given.delivery.ack()]);
      expect([stored.status, acknowledged.status]).toEqual(["rejected", "rejected"]);
      expect(await given.broker.queues.counts("q")).toMatchObject({ unacked: 1 });
    });
  });
}
