import { describe, expect, onTestFinished, test } from "vitest";
import type { BackendOptions } from "../../src/backends/backend.js";
import { PostgresBackend } from "../../src/backends/postgres/backend.js";
import { parseReadyNotice, readyNotice } from "../../src/backends/postgres/ready-notice.js";
import { Connections } from "../../src/connections/connections.js";
import { postgresDatabase } from "../../src/connections/postgres.js";
import { BackendConnectionError, BackendError, ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";
import { djangoTables } from "../support/django-tables.js";
import { IdleProcess } from "../support/idle-process.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { describeWithServer } from "../support/servers.js";
import { failure, passing, success } from "../support/task-metas.js";

const NEVER = new AbortController().signal;
const capabilities = {
  durable: true,
  shared: true,
  readers: "all",
  fencing: true,
  groups: true,
  expiry: "removed",
} as const;

describeWithServer("postgres", "PostgreSQL results", (server) => {
  describeBackend("PostgreSQL", {
    capabilities,
    fixture: async () => {
      const { url, remove } = await postgresSchema(server);
      return {
        url,
        // Each with connections of its own, as in processes of their own.
        connection: (options) =>
          new PostgresBackend({ ...options, url, connections: new Connections(), logger: silentLogger }),
        remove,
      };
    },
  });

  describeBackend("PostgreSQL (on one shared connection)", {
    capabilities,
    fixture: async () => {
      const { url, remove } = await postgresSchema(server);
      const connections = new Connections();
      return {
        url,
        connection: (options) => new PostgresBackend({ ...options, url, connections, logger: silentLogger }),
        remove,
      };
    },
  });

  for (const version of ["2.4", "2.6"] as const)
    describeBackend(`PostgreSQL (in the tables of django-celery-results ${version})`, {
      capabilities,
      fixture: async () => {
        const schema = await postgresSchema(server);
        await schema.query(`CREATE SCHEMA ${schema.name}; ${djangoTables(schema.name, version)}`);
        const url = `${schema.url}&layout=django&djangoSchema=${schema.name}`;
        return {
          url,
          connection: (options) =>
            new PostgresBackend({ ...options, url, connections: new Connections(), logger: silentLogger }),
          remove: schema.remove,
        };
      },
    });

  describe("the PostgreSQL result backend in its schema", () => {
    async function givenSchema(): Promise<PostgresSchema> {
      const schema = await postgresSchema(server);
      onTestFinished(schema.remove);
      return schema;
    }
    function unopened(url: string, more: Partial<BackendOptions> = {}): PostgresBackend {
      const options = { resultExpires: null, connections: new Connections(), logger: silentLogger };
      const backend = new PostgresBackend({ ...options, url, ...more });
      onTestFinished(() => backend.close());
      return backend;
    }
    async function opened(url: string, more: Partial<BackendOptions> = {}): Promise<PostgresBackend> {
      const backend = unopened(url, more);
      await backend.connect();
      return backend;
    }

    test("rejects what is used before it is connected as a lost connection", async () => {
      const backend = unopened((await givenSchema()).url);
      await expect(backend.store(success("a"))).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.get("a")).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.wait("a", NEVER)).rejects.toBeInstanceOf(BackendConnectionError);
    });

    test.each([
      ["layuot=django", /layout/],
      ["layout=flask", /lovage or django/],
      ["djangoSchema=public", /layout=django only/],
    ])("refuses the option %s when it is made, and says what is wrong", async (option, message) => {
      const make = (): PostgresBackend => unopened(`${server}?${option}`);
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow(message);
    });

    test("rejects with a typed error when nobody answers", async () => {
      const backend = unopened("postgres://postgres@127.0.0.1:1/postgres");
      await expect(backend.connect()).rejects.toBeInstanceOf(BackendConnectionError);
    });

    test("lets a process that waits for a result live until it has it, and no longer", async () => {
      const { url } = await givenSchema();
      const backend = await opened(url);
      const idle = await IdleProcess.start("wait", url);
      // One that nothing holds ends at once.
      await new Promise((later) => setTimeout(later, 300));
      expect(idle.isAlive).toBe(true);
      await backend.store(success("t", "for the one who waited"));
      expect(await idle.end()).toBe(0);
      expect(idle.lines).toEqual(["idle", "for the one who waited"]);
    }, 20_000);

    test("notifies nobody while nobody waits", async () => {
      // Given somebody who listens to the channel by other means
      const schema = await givenSchema();
      const backend = await opened(schema.url);
      const client = await schema.client();
      const heard: string[] = [];
      client.on("notification", ({ payload }) => heard.push(payload ?? ""));
      const channel = resultChannel(schema);
      await client.query(`LISTEN "${channel}"`);
      // When results are stored before, and while, somebody waits
      await backend.store(success("before"));
      const other = await opened(schema.url);
      const waiting = other.wait("while", NEVER);
      await expectSoon(async () => (await schema.query(`SELECT id FROM ${schema.name}.result_listeners`)).length === 1);
      await backend.store(success("while"));
      await waiting;
      await client.query("SELECT 1");
      // Then only the second one was told of
      expect(heard.map((payload) => parseReadyNotice(payload)?.id)).toEqual(["while"]);
    });

    test("goes on waiting while the connection that listens is lost, and misses nothing", async () => {
      const schema = await givenSchema();
      const [waiter, storer] = [await opened(schema.url), await opened(schema.url)];
      const waiting = waiter.wait("a", NEVER);
      await expectSoon(async () => (await schema.query(`SELECT id FROM ${schema.name}.result_listeners`)).length === 1);
      const channel = resultChannel(schema);
      const { length } = await schema.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid()",
        [`%LISTEN "${channel}"%`],
      );
      expect(length).toBeGreaterThan(0);
      await storer.store(success("a", 1));
      expect(await waiting).toEqual(success("a", 1));
    }, 15_000);

    test("keeps what it says, and says what it keeps, while its connections are cut again and again", async () => {
      const schema = await givenSchema();
      const name = `cut_${schema.name}`;
      const backend = await opened(`${schema.url}&application_name=${name}`);
      let cuts = true;
      const cutting = (async () => {
        while (cuts) {
          await schema.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
            name,
          ]);
          // Long enough for some commits to succeed: there is no signal for how far one is.
          await new Promise((later) => setTimeout(later, 15));
        }
      })();
      // Successes with the same fence: only the first try of each may be kept, and a repeated try is not another one.
      const kept: boolean[] = [];
      for (let turn = 0; turn < 60; turn++) {
        const stores = Array.from({ length: 5 }, (_, index) =>
          backend.store(success(`${turn} ${index}`, turn), { fence: turn }),
        );
        kept.push(...(await Promise.all(stores)));
      }
      cuts = false;
      await cutting;
      expect(kept.filter((each) => !each)).toEqual([]);
      const [row] = await schema.query(`SELECT count(*) AS stored FROM ${schema.name}.result_tasks`);
      expect(Number(row?.stored)).toBe(300);
    }, 60_000);

    test("rejects a result that PostgreSQL cannot keep, and no other that came with it", async () => {
      const backend = await opened((await givenSchema()).url);
      const stores = await Promise.allSettled([
        backend.store(success("a", 1)),
        backend.store(success("NUL \0 in an id", 2)),
        backend.store(success("b", 3)),
      ]);
      expect(stores.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(stores[1]).toMatchObject({ reason: expect.any(BackendError) });
      expect(await backend.get("b")).toEqual(success("b", 3));
    });

    test("says which result cannot be read when somebody else wrote there, to readers and to those who wait", async () => {
      const schema = await givenSchema();
      const backend = await opened(schema.url);
      await backend.store(passing("a", "STARTED"));
      const waiting = backend.wait("a", NEVER).catch((error: unknown) => error);
      await schema.query(
        `UPDATE ${schema.name}.result_tasks SET status = 'SUCCESS', meta = '{"status":' WHERE id = 'a'`,
      );
      const expected = {
        name: "BackendError",
        message: expect.stringContaining("the result of task a cannot be read"),
      };
      await expect(backend.get("a")).rejects.toMatchObject(expected);
      expect(await waiting).toMatchObject(expected);
    }, 15_000);

    test("ends waits with a typed error when its tables are gone", async () => {
      const schema = await givenSchema();
      const backend = await opened(schema.url);
      const waiting = backend.wait("a", NEVER).catch((error: unknown) => error);
      await schema.query(`DROP TABLE ${schema.name}.result_tasks`);
      expect(await waiting).toBeInstanceOf(BackendError);
    }, 15_000);

    test("counts the parts of one chord together however many are counted at once", async () => {
      const backend = await opened((await givenSchema()).url);
      const parts = Array.from({ length: 1500 }, (_, index) => `part ${index % 1000}`);
      const counts = await Promise.all(parts.map((part) => backend.countChordPart("g", part)));
      expect(Math.max(...counts)).toBe(1000);
      expect(new Set(counts.slice(0, 1000)).size).toBe(1000);
    });
  });

  describe("with layout=django", () => {
    test("says how the tables are made when they are not there", async () => {
      const schema = await postgresSchema(server);
      onTestFinished(schema.remove);
      const url = `${schema.url}&layout=django&djangoSchema=${schema.name}`;
      const options = { resultExpires: null, connections: new Connections(), logger: silentLogger };
      const backend = new PostgresBackend({ ...options, url });
      onTestFinished(() => backend.close());
      const error: unknown = await backend.connect().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "django_tables_missing" });
      expect(String(error)).toMatch(/manage\.py migrate django_celery_results/);
      // And once they are there, it can be connected.
      await schema.query(djangoTables(schema.name, "2.4"));
      await backend.connect();
      expect(await backend.store(failure("a"))).toBe(true);
    });
  });
});

describe("what a stored result tells those who wait", () => {
  test.each([
    ["a", '{"status":"SUCCESS"}'],
    ["12:3", "{}"],
    ["日本:🦄", '{"ü":1}'],
  ])("names the task %s and carries its meta", (id, text) => {
    expect(parseReadyNotice(readyNotice(id, text) ?? "")).toEqual({ id, text });
  });

  test("carries the id alone when the meta is too large, and is not sent when even that is", () => {
    expect(parseReadyNotice(readyNotice("a", "ü".repeat(4000)) ?? "")).toEqual({ id: "a", text: undefined });
    expect(readyNotice("ü".repeat(4000), "{}")).toBeUndefined();
  });

  test.each(["", "a", "5:abc", ":abc", "x:1"])("is not taken from %j", (payload) => {
    expect(parseReadyNotice(payload)).toBeUndefined();
  });
});

/** The channel that results of this backend's schema are told on. */
function resultChannel(schema: PostgresSchema): string {
  const { share } = postgresDatabase({
    url: schema.url,
    connections: new Connections(),
    logger: silentLogger,
    writeTimeout: 1,
  });
  return share.value.channel("results");
}

async function expectSoon(is: () => Promise<boolean>): Promise<void> {
  await expect.poll(is, { timeout: 5000, interval: 10 }).toBe(true);
}
