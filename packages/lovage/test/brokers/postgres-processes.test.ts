import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Broker } from "../../src/brokers/broker.js";
import { PostgresBroker } from "../../src/brokers/postgres/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { BrokerError } from "../../src/errors.js";
import { type Logger, silentLogger } from "../../src/util/logger.js";
import { IdleProcess } from "../support/idle-process.js";
import { Inbox } from "../support/inbox.js";
import { PeerProcess } from "../support/peer-process.js";
import { pgbouncer } from "../support/pgbouncer.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { RecordingLogger } from "../support/recording-logger.js";
import { describeWithServer } from "../support/servers.js";
import { decodeText, textMessage } from "../support/text-message.js";

/** Seconds: longer than any test. */
const LONG_LEASE = 60;
/** Seconds. */
const SHORT_LEASE = 1;
const TO_Q = { exchange: "", routingKey: "q" };

describeWithServer("postgres", "a broker on a PostgreSQL server", (server) => {
  describe("whose connections are ended by the server", { timeout: 30_000 }, () => {
    test("amid publishing keeps each message once, and all that was confirmed", async () => {
      const { broker, schema } = await givenQueue();
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < 3000) await broker.publish(textMessage(String(next++)), TO_Q);
      };
      const published = Promise.all(Array.from({ length: 50 }, lane));
      for (let cut = 0; cut < 8; cut++) {
        await terminate(schema);
        await new Promise((later) => setTimeout(later, 40));
      }
      await published;
      const texts = (await broker.queues.peek("q", { limit: 10_000 })).map(({ message }) => decodeText(message));
      expect(texts.toSorted(byNumber)).toEqual(Array.from({ length: 3000 }, (_, index) => String(index)));
    });

    test("amid consuming goes on, and loses nothing", async () => {
      const { broker, schema } = await givenQueue();
      const texts = Array.from({ length: 2000 }, (_, index) => String(index));
      await Promise.all(texts.map((text) => broker.publish(textMessage(text), TO_Q)));
      const done = new Set<string>();
      await broker.consume(["q"], { prefetch: 20 }, (delivery) => {
        void delivery.ack().then(() => done.add(decodeText(delivery.message)));
      });
      for (let cut = 0; cut < 8; cut++) {
        await terminate(schema);
        await new Promise((later) => setTimeout(later, 40));
      }
      await vi.waitFor(() => expect(done.size).toBe(2000), 15_000);
      expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
    });

    test("while it waits hears of the next message at once again", async () => {
      const { broker, schema, logger } = await givenQueue();
      const publisher = await open(schema);
      const inbox = await consume(broker);
      await terminate(schema);
      await logger.line(({ message }) => message.includes("hears PostgreSQL's notifications again"));
      const startMs = performance.now();
      await publisher.publish(textMessage("after the break"), TO_Q);
      expect(decodeText((await inbox.next()).message)).toBe("after the break");
      expect(performance.now() - startMs).toBeLessThan(1000);
    });
  });

  describe("a process that is killed", { timeout: 30_000 }, () => {
    test("amid a burst of publishing has published all that was confirmed", async () => {
      const { broker, schema } = await givenQueue();
      const publisher = await PeerProcess.start(schema.url, LONG_LEASE);
      publisher.tell({ kind: "burst", queue: "q", inFlight: 50 });
      await publisher.heard("confirmed", 1000);
      await publisher.kill();
      const confirmed = publisher.texts("confirmed");
      const kept = new Set((await broker.queues.peek("q", { limit: 1e6 })).map(({ message }) => decodeText(message)));
      expect(confirmed.filter((text) => !kept.has(text))).toEqual([]);
    });

    test("while it holds messages leaves them to others within its lease", async () => {
      const { broker, schema } = await givenQueue(SHORT_LEASE);
      await Promise.all(["a", "b", "c"].map((text) => broker.publish(textMessage(text), TO_Q)));
      const holder = await PeerProcess.start(schema.url, SHORT_LEASE);
      holder.tell({ kind: "hold", queue: "q", prefetch: 3 });
      await holder.heard("holding", 3);
      const inbox = await consume(broker);
      await holder.kill();
      const deliveries = await inbox.take(3);
      expect(inbox.texts).toEqual(["a", "b", "c"]);
      expect(deliveries.map((each) => each.deliveries)).toEqual([2, 2, 2]);
    });
  });

  test("a process that was frozen past its lease can no longer acknowledge", { timeout: 30_000 }, async () => {
    const { broker, schema } = await givenQueue(SHORT_LEASE);
    await broker.publish(textMessage("x"), TO_Q);
    const holder = await PeerProcess.start(schema.url, SHORT_LEASE);
    holder.tell({ kind: "hold", queue: "q", prefetch: 1 });
    await holder.heard("holding");
    holder.freeze();
    const delivery = await (await consume(broker)).next();
    await delivery.extend(LONG_LEASE);
    holder.tell({ kind: "ack" });
    holder.thaw();
    const [acked] = await holder.heard("acked");
    expect(acked?.error).toBe("LeaseLostError");
    await delivery.ack();
  });

  describe("a waiting consumer in another process", { timeout: 30_000 }, () => {
    test("picks up a message well before its next look", async ({ annotate }) => {
      const { broker, schema } = await givenQueue();
      const peer = await PeerProcess.start(schema.url, LONG_LEASE);
      peer.tell({ kind: "consume", queue: "q", prefetch: 1 });
      await peer.heard("consuming");
      const latenciesMs: number[] = [];
      for (let turn = 1; turn <= 30; turn++) {
        // Long enough apart that the consumer sleeps in between.
        await new Promise((later) => setTimeout(later, 20));
        const publishedMs = Date.now();
        await broker.publish(textMessage(String(turn)), TO_Q);
        latenciesMs.push(((await peer.heard("consumed", turn)).at(-1)?.receivedMs ?? 0) - publishedMs);
      }
      latenciesMs.sort((a, b) => a - b);
      await annotate(`publish to pick-up: p50 ${latenciesMs[15]} ms, p95 ${latenciesMs[28]} ms`);
      expect(latenciesMs[15]).toBeLessThan(500);
    });

    test("keeps its process alive until its broker is closed, and no longer", async () => {
      const { broker, schema } = await givenQueue();
      const idle = await IdleProcess.start("consume", schema.url);
      // A process that nothing holds ends at once.
      await new Promise((later) => setTimeout(later, 300));
      expect(idle.isAlive).toBe(true);
      await broker.publish(textMessage("the only one"), TO_Q);
      expect(await idle.end()).toBe(0);
      expect(idle.lines).toEqual(["idle", "the only one"]);
    });

    test("that listens to broadcasts lives until its broker is closed, and no longer", async () => {
      const { broker, schema } = await givenQueue();
      const idle = await IdleProcess.start("listen", schema.url);
      await new Promise((later) => setTimeout(later, 300));
      expect(idle.isAlive).toBe(true);
      await broker.broadcast.publish("events", "k", textMessage("news"));
      expect(await idle.end()).toBe(0);
      expect(idle.lines).toEqual(["idle", "news"]);
    });
  });

  describe("the tables", () => {
    test.for(["no JSON", "[1, 2]", "null", '"text"', ""])(
      "may hold headers spoilt to %j: the message is delivered without them",
      async (spoilt) => {
        const { broker, schema } = await givenQueue();
        await broker.publish(textMessage("evidence"), TO_Q);
        await schema.query(`UPDATE ${schema.name}.broker_messages SET headers = $1, properties = $1`, [spoilt]);
        const inbox = await consume(broker);
        const delivery = await inbox.next();
        expect(delivery.message).toMatchObject({ headers: {}, properties: {} });
        expect(inbox.texts).toEqual(["evidence"]);
      },
    );

    test("may have lost an envelope: an empty message takes its place, and those behind it come too", async () => {
      const { broker, schema } = await givenQueue();
      for (const text of ["lost", "whole"]) await broker.publish(textMessage(text), TO_Q);
      const messages = `${schema.name}.broker_messages`;
      await schema.query(`DELETE FROM ${messages} WHERE id = (SELECT min(id) FROM ${messages})`);
      const inbox = await consume(broker);
      for (const delivery of await inbox.take(2)) await delivery.ack();
      expect(inbox.texts).toEqual(["", "whole"]);
    });

    test("are empty again when all messages are done", async () => {
      const { broker, schema } = await givenQueue();
      await Promise.all(Array.from({ length: 50 }, (_, index) => broker.publish(textMessage(String(index)), TO_Q)));
      const inbox = await consume(broker);
      for (let left = 50; left > 0; left--) await (await inbox.next()).reject({ requeue: false });
      for (const table of ["messages", "ready", "scheduled", "held"])
        expect(await schema.query(`SELECT count(*)::int AS n FROM ${schema.name}.broker_${table}`)).toEqual([{ n: 0 }]);
    });

    test("keep no broadcast that fits a notification, and long ones only while somebody listens", async () => {
      const { broker, schema } = await givenQueue();
      const long = textMessage("x".repeat(20_000));
      const stored = async (): Promise<unknown> =>
        (await schema.query(`SELECT count(*)::int AS n FROM ${schema.name}.broker_broadcasts`))[0]?.n;
      await broker.broadcast.publish("events", "k", long);
      expect(await stored()).toBe(0);
      const heard: string[] = [];
      await broker.broadcast.subscribe("events", "#", (message) => heard.push(decodeText(message)));
      for (const message of [textMessage("1"), long, textMessage("2")])
        await broker.broadcast.publish("events", "k", message);
      await vi.waitFor(() => expect(heard).toEqual(["1", decodeText(long), "2"]));
      expect(await stored()).toBe(1);
    });

    test("serve a consumer whose queue is deleted and declared again", async () => {
      const { broker } = await givenQueue();
      const inbox = await consume(broker);
      await broker.queues.delete("q");
      await broker.declare({ name: "q" });
      await broker.publish(textMessage("new"), TO_Q);
      await (await inbox.next()).ack();
      expect(inbox.texts).toEqual(["new"]);
    });
  });

  test("names that PostgreSQL's text cannot hold are refused", async () => {
    const { broker } = await givenQueue();
    const refused = { name: "BrokerError", code: "bad_name" };
    await expect(broker.declare({ name: "a\0b" })).rejects.toMatchObject(refused);
    await expect(broker.publish(textMessage("x"), { exchange: "", routingKey: "a\0b" })).rejects.toMatchObject(refused);
    await expect(broker.publish(textMessage("x", { contentType: "a\0b" }), TO_Q)).rejects.toMatchObject(refused);
  });

  test("a publish that the server does not let through ends in time, and the next one goes through", async () => {
    const { broker, schema } = await givenQueue(LONG_LEASE, { publishTimeout: 0.6 });
    const rival = await schema.client();
    await rival.query(`BEGIN; LOCK TABLE ${schema.name}.broker_messages`);
    const startMs = performance.now();
    const stuck = broker.publish(textMessage("stuck"), TO_Q);
    await expect(stuck).rejects.toMatchObject({ name: "BrokerConnectionError" });
    await expect(stuck).rejects.toBeInstanceOf(BrokerError);
    expect(performance.now() - startMs).toBeLessThan(2000);
    await rival.query("ROLLBACK");
    await broker.publish(textMessage("next"), TO_Q);
  });

  test("a queue that held many messages is as fast as a new one when it has been emptied", {
    timeout: 60_000,
  }, async () => {
    const { broker, schema } = await givenQueue();
    const s = schema.name;
    await schema.query(`WITH m AS (INSERT INTO ${s}.broker_messages SELECT nextval('${s}.broker_ids'), '', 'q', '{}', '{}', NULL, NULL, '', now()
        FROM generate_series(1, 30000) RETURNING id)
      INSERT INTO ${s}.broker_ready SELECT (SELECT id FROM ${s}.broker_queues), 9, id, id, now(), 0, 0 FROM m`);
    const inbox = new Inbox();
    const consumer = await broker.consume(
      ["q"],
      { prefetch: 500 },
      (delivery) => void delivery.ack().then(() => inbox.accept(delivery)),
    );
    await inbox.holds(30_000);
    // What a claim walks over before it finds that there is nothing: dead rows, until a worker has removed them.
    const blocks = async (): Promise<number> => {
      const [plan] = await schema.query(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1 FROM ${s}.broker_ready WHERE queue_id = 1 ORDER BY urgency, position LIMIT 1`,
      );
      return Number(
        /"Shared Hit Blocks": (\d+)/.exec(JSON.stringify(plan).replaceAll('\\"', '"').replaceAll('":', '": '))?.[1],
      );
    };
    await vi.waitFor(async () => expect(await blocks()).toBeLessThan(20), { timeout: 30_000, interval: 500 });
    await consumer.cancel();
    expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 0 });
  });

  test("tokens go on growing after the server has gone back in time, as after a crash or a failover", async () => {
    const { broker, schema } = await givenQueue();
    await broker.publish(textMessage("x"), TO_Q);
    const before = (await (await consume(broker)).next()).token;
    await broker.close();
    await schema.query(`UPDATE ${schema.name}.broker_server_start SET started = '2000-01-01'`);
    await schema.query(`SELECT setval('${schema.name}.broker_tokens', 1, false)`);
    const later = await open(schema);
    const after = (await (await consume(later)).next()).token;
    expect(after).toBeGreaterThan(Number(before));
  });

  describeWithServer("pgbouncer", "through a pooler in transaction mode", (program) => {
    test("carries messages, ETAs and broadcasts", { timeout: 30_000 }, async () => {
      const schema = await givenSchema();
      const pooler = await pgbouncer(program, server);
      onTestFinished(pooler.stop);
      const url = `${pooler.url}?schema=${schema.name}`;
      const broker = await open(schema, { url });
      const other = await open(schema, { url });
      await broker.declare({ name: "q" });
      const heard: string[] = [];
      await broker.broadcast.subscribe("events", "#", (message) => heard.push(decodeText(message)));
      const inbox = await consume(broker);
      await Promise.all(["a", "b", "c"].map((text) => other.publish(textMessage(text), TO_Q)));
      await other.publish(textMessage("later"), { ...TO_Q, eta: new Date(Date.now() + 300) });
      for (const text of ["1", "2"]) await other.broadcast.publish("events", "k", textMessage(text));
      for (const delivery of await inbox.take(4)) await delivery.ack();
      expect(inbox.texts).toEqual(["a", "b", "c", "later"]);
      await vi.waitFor(() => expect(heard).toEqual(["1", "2"]), 5000);
    });
  });

  interface Given {
    readonly broker: PostgresBroker;
    readonly schema: PostgresSchema;
    readonly logger: RecordingLogger;
  }

  /** A broker in a schema of its own with one queue `q`; closed when the test is over. */
  async function givenQueue(leaseSeconds = LONG_LEASE, options: { publishTimeout?: number } = {}): Promise<Given> {
    const schema = await givenSchema();
    const logger = new RecordingLogger();
    const broker = await open(schema, { leaseSeconds, logger, ...options });
    await broker.declare({ name: "q" });
    return { broker, schema, logger };
  }

  async function givenSchema(): Promise<PostgresSchema> {
    const schema = await postgresSchema(server);
    onTestFinished(schema.remove);
    return schema;
  }
});

async function open(
  schema: PostgresSchema,
  options: { leaseSeconds?: number; publishTimeout?: number; logger?: Logger; url?: string } = {},
): Promise<PostgresBroker> {
  const broker = new PostgresBroker({
    url: schema.url,
    leaseSeconds: LONG_LEASE,
    publishTimeout: 10,
    connections: new Connections(),
    logger: silentLogger,
    ...options,
  });
  onTestFinished(() => broker.close());
  await broker.connect();
  return broker;
}

async function consume(broker: Broker): Promise<Inbox> {
  const inbox = new Inbox();
  await broker.consume(["q"], { prefetch: 10 }, inbox.accept);
  return inbox;
}

/** Ends the server's processes whose last statement names this schema, and those that listen. */
async function terminate(schema: PostgresSchema): Promise<void> {
  await schema.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (query LIKE $1 OR query LIKE 'LISTEN%' OR query = 'COMMIT')",
    [`%${schema.name}%`],
  );
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}
