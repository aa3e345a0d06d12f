import type pg from "pg";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { QueueSpec, Route } from "../../src/brokers/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { postgresDatabase } from "../../src/connections/postgres.js";
import { BrokerConnectionError, ConfigurationError } from "../../src/errors.js";
import { Lovage, type LovageOptions } from "../../src/index.js";
import { OutboxRelay, type RelayGateway } from "../../src/outbox/relay.js";
import { decodeEvents } from "../../src/protocol/events.js";
import type { Message } from "../../src/protocol/message.js";
import { systemClock } from "../../src/util/clock.js";
import { type Logger, silentLogger } from "../../src/util/logger.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { RecordingGateway } from "../support/recording-gateway.js";
import { describeWithServer } from "../support/servers.js";
import { type SqliteFile, sqliteFile } from "../support/sqlite-file.js";

const QUEUE = "celery";

describeWithServer("postgres", "tasks sent inside a transaction, through the outbox", (server) => {
  let schema: PostgresSchema;
  let file: SqliteFile;
  let client: pg.Client;

  beforeEach(async () => {
    schema = await postgresSchema(server);
    file = await sqliteFile();
    client = await schema.client();
    await schema.query(`CREATE SCHEMA ${schema.name}; CREATE TABLE ${schema.name}.orders (id int)`);
  });
  afterEach(async () => {
    await schema.remove();
    await file.remove();
  });

  /** An app whose broker is a file, and whose program keeps its rows in PostgreSQL. */
  function givenApp(more: LovageOptions = {}) {
    const app = new Lovage("shop", { brokerUrl: file.url, resultBackend: null, outboxUrl: schema.url, ...more });
    onTestFinished(() => app.close());
    return { app, add: app.task("shop.add", (x: number, y: number) => x + y) };
  }

  async function startRelay(gateway: RelayGateway, logger: Logger = silentLogger): Promise<OutboxRelay> {
    const relay = new OutboxRelay({ url: schema.url, gateway, logger, clock: systemClock });
    onTestFinished(() => relay.stop());
    await relay.start();
    return relay;
  }

  async function inTransaction<T>(work: () => Promise<T>, end: "COMMIT" | "ROLLBACK" = "COMMIT"): Promise<T> {
    await client.query("BEGIN");
    await client.query(`INSERT INTO ${schema.name}.orders VALUES (1)`);
    const result = await work();
    await client.query(end);
    return result;
  }

  /** Ids of the tasks in the broker's queue, in order. */
  async function queued(app: Lovage): Promise<unknown[]> {
    const broker = await app.direct.broker();
    const messages = await broker.queues.peek(QUEUE, { limit: 10_000 });
    return messages.map(({ message }) => message.headers.id);
  }
  async function waiting(): Promise<number> {
    const [row] = await schema.query(`SELECT count(*) AS waiting FROM ${schema.name}.outbox`);
    return Number(row?.waiting);
  }
  async function relayed(): Promise<void> {
    await expect.poll(waiting, { timeout: 20_000, interval: 10 }).toBe(0);
  }

  /** What relays take turns by. */
  function outboxChannel(): string {
    const options = { url: schema.url, connections: new Connections(), logger: silentLogger, writeTimeout: 1 };
    return postgresDatabase(options).share.value.channel("outbox");
  }

  describe("app.in(client)", () => {
    test("sends a task if the transaction commits", async () => {
      const { app, add } = givenApp();
      const sent = await inTransaction(() => app.in(client).delay(add, 2, 2));
      expect(await waiting()).toBe(1);
      await startRelay(app.direct);
      await relayed();
      expect(await queued(app)).toEqual([sent.id]);
    });

    test("sends nothing if the transaction is rolled back", async () => {
      const { app, add } = givenApp();
      await inTransaction(() => app.in(client).delay(add, 2, 2), "ROLLBACK");
      expect(await waiting()).toBe(0);
    });

    test("sends nothing if the program dies inside the transaction", async () => {
      const { app, add } = givenApp();
      await client.query("BEGIN");
      await app.in(client).delay(add, 2, 2);
      await client.end();
      expect(await waiting()).toBe(0);
    });

    test("sends nothing to be seen before the commit", async () => {
      const { app, add } = givenApp();
      await startRelay(app.direct);
      await client.query("BEGIN");
      const sent = await app.in(client).delay(add, 2, 2);
      // Others may commit meanwhile.
      const other = await schema.client();
      const second = await app.in(other).delay(add, 3, 3);
      await relayed();
      expect(await queued(app)).toEqual([second.id]);
      await client.query("COMMIT");
      await expect.poll(() => queued(app)).toEqual([second.id, sent.id]);
    });

    test("takes whatever can be sent, with its options", async () => {
      const { app, add } = givenApp({ taskSerializer: "json" });
      const eta = new Date(Date.now() + 3_600_000);
      const tx = app.in(client);
      const ids = await inTransaction(async () => [
        (await tx.delay(add, 1, 1)).id,
        (await tx.applyAsync(add, [2, 2], { queue: "images", taskId: "of-mine" })).id,
        (await tx.send(add.s(3, 3).set({ eta }))).id,
        (await tx.sendTask("elsewhere", ["ü\u0000", { deep: [1n] }], { kwargs: { a: 1 } })).id,
        (await add.in(client).delay(5, 5)).id,
        (await add.s(6, 6).in(client).delay()).id,
      ]);
      await startRelay(app.direct);
      await relayed();
      const broker = await app.direct.broker();
      const images = await broker.queues.peek("images", { limit: 10 });
      expect(images.map(({ message }) => message.headers.id)).toEqual(["of-mine"]);
      const all = await broker.queues.peek(QUEUE, { limit: 10 });
      expect(all.map(({ message, state }) => [message.headers.id, state])).toEqual([
        [ids[0], "ready"],
        [ids[3], "ready"],
        [ids[4], "ready"],
        [ids[5], "ready"],
        [ids[2], "scheduled"],
      ]);
      expect(all.at(-1)?.eta).toEqual(eta);
    });

    test("carries the same message that would have been published", async () => {
      const { app, add } = givenApp();
      await inTransaction(() => app.in(client).applyAsync(add, [1, 2], { taskId: "t" }));
      await startRelay(app.direct);
      await relayed();
      const broker = await app.direct.broker();
      const [relayedMessage] = await broker.queues.take(
        QUEUE,
        (await broker.queues.peek(QUEUE, { limit: 1 })).map(({ key }) => key),
      );
      await relayedMessage?.ack();
      await add.applyAsync([1, 2], { taskId: "t" });
      const [direct] = await broker.queues.peek(QUEUE, { limit: 1 });
      const stable = ({ properties: { delivery_tag: _, ...properties }, ...message }: Message) => ({
        ...message,
        properties,
      });
      if (!relayedMessage || !direct) throw new Error("both should be there");
      expect(stable(relayedMessage.message)).toEqual(stable(direct.message));
    });

    test("takes a function in place of a client, as other libraries need it", async () => {
      const { app, add } = givenApp();
      // As postgres.js answers, and as Kysely does.
      const rows = async (text: string, values: unknown[]): Promise<unknown> => (await client.query(text, values)).rows;
      const answer = async (text: string, values: unknown[]): Promise<unknown> => await client.query(text, values);
      await inTransaction(async () => {
        await app.in(rows).delay(add, 1, 1);
        await app.in(answer).delay(add, 2, 2);
      });
      expect(await waiting()).toBe(2);
    });

    test("makes the tables when it is the first to need them", async () => {
      const { app, add } = givenApp();
      await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
      await client.query(`INSERT INTO ${schema.name}.orders VALUES (1)`);
      await app.in(client).delay(add, 1, 1);
      await client.query("COMMIT");
      expect(await waiting()).toBe(1);
    });

    test("refuses a client of another database, and says what to set", async () => {
      const { app, add } = givenApp({ outboxUrl: `${server}?schema=${schema.name}` });
      await schema.query("SELECT 1");
      const name = `${schema.name}_other`;
      await schema.query(`CREATE DATABASE ${name}`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      const other = await postgresSchema(url.href);
      onTestFinished(async () => {
        await other.remove();
        const again = await postgresSchema(server);
        await again.query(`DROP DATABASE ${name} WITH (FORCE)`);
        await again.remove();
      });
      const error: unknown = await app
        .in(await other.client())
        .delay(add, 1, 1)
        .catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error).toMatchObject({ code: "other_database", message: expect.stringContaining("outboxUrl") });
    });

    test("refuses when the broker is no database and there is no outbox", async () => {
      const { app, add } = givenApp({ outboxUrl: null });
      await expect(app.in(client).delay(add, 1, 1)).rejects.toMatchObject({ code: "no_outbox" });
    });

    test("refuses what answers with no rows", async () => {
      const { app, add } = givenApp();
      await expect(app.in(async () => undefined).delay(add, 1, 1)).rejects.toMatchObject({
        code: "no_transaction_client",
      });
    });

    test("passes the client's own errors as they are", async () => {
      const { app, add } = givenApp();
      await client.query("BEGIN");
      await client.query("SELECT nonsense").catch(() => undefined);
      await expect(app.in(client).delay(add, 1, 1)).rejects.toMatchObject({ code: "25P02" });
    });

    test("names the sender's address where results come to the sender", async () => {
      const { app, add } = givenApp();
      // As a gateway with such a backend would.
      const gateway = new RecordingGateway();
      gateway.place = { databaseId: (await app.direct.prepareTransaction(undefined)).databaseId, replyTo: "my-queue" };
      const other = new Lovage("shop", { brokerUrl: file.url, resultBackend: null, outboxUrl: schema.url });
      other.useGateway(gateway);
      await other.in(client).sendTask("shop.add", [1, 1]);
      await app.in(client).delay(add, 2, 2);
      await startRelay(app.direct);
      await relayed();
      const { queues } = await app.direct.broker();
      const sent = await queues.peek(QUEUE, { limit: 2 });
      expect(sent.map(({ message }) => message.properties.reply_to)).toEqual(["my-queue", ""]);
    });

    test("runs tasks at once with taskAlwaysEager", async () => {
      const { app, add } = givenApp({ taskAlwaysEager: true });
      const result = await app.in(client).delay(add, 2, 2);
      expect(await result.get()).toBe(4);
    });
  });

  describe("a relay", () => {
    test("publishes in order", async () => {
      const { app, add } = givenApp();
      const ids: string[] = [];
      for (let batch = 0; batch < 5; batch++)
        await inTransaction(async () => {
          for (let index = 0; index < 60; index++) ids.push((await app.in(client).delay(add, batch, index)).id);
        });
      await startRelay(app.direct);
      await relayed();
      expect(await queued(app)).toEqual(ids);
    }, 30_000);

    test("is woken by the commit", async () => {
      const { app, add } = givenApp();
      await startRelay(app.direct);
      const began = performance.now();
      const sent = await inTransaction(() => app.in(client).delay(add, 1, 1));
      await expect.poll(() => queued(app), { interval: 5 }).toEqual([sent.id]);
      // The net under the notifications is five seconds wide.
      expect(performance.now() - began).toBeLessThan(4000);
    });

    test("shares the work with others, and everything is published once, in order", async () => {
      const { app, add } = givenApp();
      await Promise.all([startRelay(app.direct), startRelay(app.direct), startRelay(app.direct)]);
      const ids: string[] = [];
      for (let index = 0; index < 150; index++) ids.push((await app.in(client).delay(add, 1, index)).id);
      await relayed();
      expect(await queued(app)).toEqual(ids);
    }, 30_000);

    test("publishes again what it could not remove any more, and loses nothing", async () => {
      // Given a relay whose connection breaks after the broker has taken the tasks, before they are removed
      const { app, add } = givenApp();
      const ids: string[] = [];
      await inTransaction(async () => {
        for (let index = 0; index < 5; index++) ids.push((await app.in(client).delay(add, 1, index)).id);
      });
      let breaks = true;
      const breaking: RelayGateway = {
        declare: (queue) => app.direct.declare(queue),
        relay: async (message, route, queue) => {
          await app.direct.relay(message, route, queue);
          if (message.headers.id !== ids.at(-1) || !breaks) return;
          breaks = false;
          await schema.query(
            `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
             AND objid = (hashtextextended($1, 0) & 4294967295)::bigint::oid`,
            [outboxChannel()],
          );
        },
      };
      // When it relays them
      await startRelay(breaking);
      await relayed();
      // Then they are there twice, and each time in order
      expect(breaks).toBe(false);
      expect(await queued(app)).toEqual([...ids, ...ids]);
    }, 20_000);

    test("waits while the broker is away, and then goes on where it was", async () => {
      const { app, add } = givenApp();
      const ids: string[] = [];
      await inTransaction(async () => {
        for (let index = 0; index < 5; index++) ids.push((await app.in(client).delay(add, 1, index)).id);
      });
      let away = true;
      let tries = 0;
      const warnings: string[] = [];
      await startRelay(
        {
          declare: (queue) => app.direct.declare(queue),
          relay: async (message: Message, route: Route, queue: QueueSpec | undefined) => {
            if (away && message.headers.id === ids[2]) tries++;
            // From the third task on, it is away.
            if (away && message.headers.id !== ids[0] && message.headers.id !== ids[1])
              throw new BrokerConnectionError("the broker is away");
            await app.direct.relay(message, route, queue);
          },
        },
        { ...silentLogger, warn: (message) => warnings.push(message) },
      );
      await expect.poll(() => tries, { timeout: 10_000 }).toBeGreaterThan(2);
      expect(await queued(app)).toEqual(ids.slice(0, 2));
      expect(await waiting()).toBe(3);
      away = false;
      await relayed();
      expect(await queued(app)).toEqual(ids);
      // It said so once, not with every try.
      expect(warnings).toHaveLength(1);
    }, 20_000);

    test("leaves what can never be sent where it is, with the reason, and goes on with the rest", async () => {
      const { app, add } = givenApp();
      const ids: string[] = [];
      await inTransaction(async () => {
        ids.push((await app.in(client).delay(add, 1, 1)).id);
        await app.in(client).applyAsync(add, [2, 2], { exchange: "nowhere", routingKey: "nothing" });
        await schema.query(`INSERT INTO ${schema.name}.outbox (message, body, route) VALUES ('no JSON', '', '{}')`);
        ids.push((await app.in(client).delay(add, 3, 3)).id);
      });
      const errors: string[] = [];
      await startRelay(app.direct, { ...silentLogger, error: (message) => errors.push(message) });
      await expect.poll(() => queued(app)).toEqual(ids);
      await expect
        .poll(() => schema.query(`SELECT error FROM ${schema.name}.outbox ORDER BY id`))
        .toEqual([{ error: expect.stringMatching(/nowhere/) }, { error: expect.stringMatching(/cannot be read/) }]);
      expect(errors).toHaveLength(2);
    });

    test("tells monitors that a task was sent when it is", async () => {
      const { app, add } = givenApp({ taskSendSentEvent: true });
      const broker = await app.direct.broker();
      const heard: unknown[] = [];
      await broker.broadcast.subscribe("events", "#", (message) =>
        heard.push(...decodeEvents(message).map(({ fields }) => fields.uuid)),
      );
      const sent = await inTransaction(() => app.in(client).delay(add, 1, 1));
      expect(heard).toEqual([]);
      await startRelay(app.direct);
      await expect.poll(() => heard).toEqual([sent.id]);
    });

    test("may be stopped before it was started, twice, and while it starts", async () => {
      const { app } = givenApp();
      const relay = new OutboxRelay({ url: schema.url, gateway: app.direct, logger: silentLogger, clock: systemClock });
      await relay.stop();
      const starting = relay.start();
      await relay.stop();
      await starting;
      await relay.start();
      await Promise.all([relay.stop(), relay.stop()]);
    });
  });
});
