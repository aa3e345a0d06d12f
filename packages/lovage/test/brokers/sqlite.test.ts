import { describe, expect, onTestFinished, test } from "vitest";
import { SqliteBroker } from "../../src/brokers/sqlite/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { openSqliteFile, type SqlHandle } from "../../src/connections/sqlite-driver.js";
import { UnroutableError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBroker } from "../contract/broker.contract.js";
import { Inbox } from "../support/inbox.js";
import { sqliteFile } from "../support/sqlite-file.js";
import { textMessage } from "../support/text-message.js";

const TO_Q = { exchange: "", routingKey: "q" };

describeBroker("SQLite", {
  capabilities: {
    priorities: true,
    leases: true,
    durable: true,
    shared: true,
    peek: "clean",
    oldestMessage: true,
    fencing: true,
    deliveryCount: "each",
    etaStep: 0,
    inspection: { held: true, scheduled: true, queues: "all" },
  },
  fixture: async () => {
    const file = await sqliteFile();
    return {
      url: file.url,
      // Each with a connection of its own, as in processes of their own.
      connection: ({ leaseSeconds }) =>
        new SqliteBroker({
          url: file.url,
          leaseSeconds,
          publishTimeout: 10,
          connections: new Connections(),
          logger: silentLogger,
        }),
      abandon: async (broker) => {
        if (broker instanceof SqliteBroker) await broker.abandon();
      },
      remove: file.remove,
    };
  },
});

describe("the SQLite broker's file", () => {
  async function givenBroker(): Promise<{ broker: SqliteBroker; sql: SqlHandle }> {
    const file = await sqliteFile();
    const broker = new SqliteBroker({
      url: file.url,
      leaseSeconds: 60,
      publishTimeout: 10,
      connections: new Connections(),
      logger: silentLogger,
    });
    await broker.connect();
    await broker.declare({ name: "q" });
    // A hand from outside: what other programs, or a failing disk, may do to the file.
    const sql = await openSqliteFile(file.path, silentLogger);
    onTestFinished(async () => {
      sql.close();
      await broker.close();
      await file.remove();
    });
    return { broker, sql };
  }

  test.for(["no JSON", "[1, 2]", "null", '"text"', ""])(
    "may hold headers spoilt to %j: the message is delivered without them",
    async (spoilt) => {
      const { broker, sql } = await givenBroker();
      await broker.publish(textMessage("evidence"), TO_Q);
      sql.prepare("UPDATE broker_messages SET headers = ?, properties = ?").run(spoilt, spoilt);
      const inbox = new Inbox();
      await broker.consume(["q"], { prefetch: 1 }, inbox.accept);
      const delivery = await inbox.next();
      expect(delivery.message).toMatchObject({ headers: {}, properties: {} });
      expect(inbox.texts).toEqual(["evidence"]);
      await delivery.ack();
    },
  );

  test("may have lost an envelope: an empty message takes its place, and those behind it come too", async () => {
    const { broker, sql } = await givenBroker();
    for (const text of ["lost", "whole"]) await broker.publish(textMessage(text), TO_Q);
    sql.prepare("DELETE FROM broker_messages WHERE id = (SELECT min(id) FROM broker_messages)").run();
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 0 }, inbox.accept);
    for (const delivery of await inbox.take(2)) await delivery.ack();
    expect(inbox.texts).toEqual(["", "whole"]);
    expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
  });

  test("is empty again when all messages are done", async () => {
    const { broker, sql } = await givenBroker();
    await Promise.all(Array.from({ length: 50 }, (_, index) => broker.publish(textMessage(String(index)), TO_Q)));
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 7 }, inbox.accept);
    for (let left = 50; left > 0; left--) await (await inbox.next()).reject({ requeue: false });
    for (const table of ["broker_messages", "broker_ready", "broker_scheduled", "broker_held"]) {
      expect(sql.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n).toBe(0);
    }
  });

  test("keeps no broadcast that nobody hears", async () => {
    const { broker, sql } = await givenBroker();
    const count = (): unknown => sql.prepare("SELECT count(*) AS n FROM broker_broadcasts").get()?.n;
    await broker.broadcast.publish("events", "k", textMessage("unheard"));
    expect(count()).toBe(0);
    const subscription = await broker.broadcast.subscribe("events", "#", () => undefined);
    await broker.broadcast.publish("control", "", textMessage("unheard too"));
    await broker.broadcast.publish("events", "k", textMessage("heard"));
    expect(count()).toBe(1);
    await subscription.cancel();
    await broker.broadcast.publish("events", "k", textMessage("unheard again"));
    expect(count()).toBe(1);
  });

  test("hands more messages that fall due together to one consumer than fit a transaction", async () => {
    const { broker } = await givenBroker();
    const eta = new Date(Date.now() + 400);
    const texts = Array.from({ length: 2500 }, (_, index) => String(index));
    await Promise.all(texts.map((text) => broker.publish(textMessage(text), { ...TO_Q, eta })));
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 0 }, inbox.accept);
    await inbox.holds(2500);
    expect(inbox.texts).toEqual(texts);
  });

  test("serves a consumer whose queue is deleted and declared again", async () => {
    const { broker } = await givenBroker();
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 1 }, inbox.accept);
    await broker.queues.delete("q");
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("new"), TO_Q);
    await (await inbox.next()).ack();
    expect(inbox.texts).toEqual(["new"]);
  });

  test("routes by what it holds after a declaration that failed half-way", async () => {
    const { broker } = await givenBroker();
    await broker.declare({ name: "r", exchange: { name: "x", type: "direct" } });
    const failed = broker.declare({ name: "phantom", exchange: { name: "x", type: "topic" } });
    const published = broker.publish(textMessage("lost"), { exchange: "", routingKey: "phantom" });
    await expect(failed).rejects.toThrow(/type/);
    await expect(published).rejects.toThrow(UnroutableError);
    expect(await broker.queues.list()).toEqual(["q", "r"]);
  });
});
