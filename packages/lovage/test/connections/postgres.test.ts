import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Connections } from "../../src/connections/connections.js";
import {
  type NoticeListener,
  PostgresDatabase,
  PostgresError,
  postgresDatabase,
  type WriteKind,
} from "../../src/connections/postgres.js";
import { migrateSchema } from "../../src/connections/postgres-migrate.js";
import { POSTGRES_MIGRATIONS } from "../../src/connections/postgres-migrations/index.js";
import { PostgresSession } from "../../src/connections/postgres-session.js";
import { parsePostgresUrl } from "../../src/connections/postgres-url.js";
import { ConfigurationError } from "../../src/errors.js";
import { type Logger, silentLogger } from "../../src/util/logger.js";
import { pgbouncer } from "../support/pgbouncer.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { RecordingLogger } from "../support/recording-logger.js";
import { describeWithServer } from "../support/servers.js";

describe("a PostgreSQL URL", () => {
  test.for([
    { url: "postgres://u:secret@db:5433/shop", shown: "db:5433/shop", schema: "lovage" },
    { url: "postgresql://u@db/shop?schema=tasks", shown: "db/shop", schema: "tasks" },
    { url: "postgres:///shop?host=/var/run/postgresql", shown: "/var/run/postgresql/shop", schema: "lovage" },
    { url: "postgres://u:p%40ss@db/shop", shown: "db/shop", schema: "lovage" },
  ])("$url is the database $shown and the schema $schema", ({ url, shown, schema }) => {
    const { target } = parsePostgresUrl(url);
    expect(target.endpoints[0].shown).toBe(shown);
    expect(target.schema).toBe(schema);
    expect(target.key).not.toContain("secret");
  });

  test("hands pg what pg knows, and keeps our options from it", () => {
    const { target, driver } = parsePostgresUrl(
      "postgres://u@db/shop?sslmode=verify-full&schema=tasks&application_name=web&layout=django",
      { poolSize: 2 },
      ["layout"],
    );
    expect(target.endpoints[0].connectionString).toBe("postgres://u@db/shop?sslmode=verify-full&application_name=web");
    expect(target).toMatchObject({ schema: "tasks", poolSize: 2 });
    expect(driver).toEqual({ layout: "django" });
  });

  test("may name several servers, and another one to listen to", () => {
    const { target } = parsePostgresUrl("postgres://a/shop?schema=s;postgres://b/shop", {
      listenUrl: "postgres://c/shop",
    });
    expect(target.endpoints.map(({ shown }) => shown)).toEqual(["a/shop", "b/shop"]);
    expect(target.listenEndpoints.map(({ shown }) => shown)).toEqual(["c/shop"]);
    expect(target.schema).toBe("s");
  });

  test.for([
    { url: "postgres://u@db/shop?shema=x", says: /did you mean schema\?/ },
    { url: "postgres://u@db/shop?schema=Shop", says: /lower-case/ },
    { url: 'postgres://u@db/shop?schema=x"y', says: /schema must be/ },
    { url: "postgres://u@db/shop?schema=pg_x", says: /pg_/ },
    { url: "postgres://u@db/shop?poolSize=0", says: /poolSize must be a whole number above 0/ },
    { url: "postgres:shop", says: /postgres:\/\/user@host\/database/ },
    { url: "", says: /names no server/ },
  ])("$url is refused with the reason", ({ url, says }) => {
    expect(() => parsePostgresUrl(url)).toThrow(ConfigurationError);
    expect(() => parsePostgresUrl(url)).toThrow(says);
  });
});

test("a server that is not there rejects, without its password", async () => {
  const { target } = parsePostgresUrl("postgres://u:hidden@127.0.0.1:1/shop");
  const database = new PostgresDatabase(target, { writeTimeout: 0.3, logger: silentLogger });
  onTestFinished(() => database.close());
  const opened = database.open();
  await expect(opened).rejects.toMatchObject({ name: "PostgresError", passing: true });
  await expect(opened).rejects.not.toThrow(/hidden/);
});

describeWithServer("postgres", "on a PostgreSQL server", (server) => {
  describe("writes", () => {
    test("asked for together share one transaction, and one statement of each kind", async () => {
      const { database, schema, kind } = await given();
      const other = kind("other", 20);
      const written = await Promise.all(
        ["a", "b", "c"].flatMap((text) => [database.write(kind("k"), text), database.write(other, text)]),
      );
      expect(written).toHaveLength(6);
      expect(await schema.query(`SELECT DISTINCT xmin::text FROM ${schema.name}.t`)).toHaveLength(1);
      expect(kind("k").calls).toHaveLength(1);
    });

    test("asked for while a commit is under way share the next one", async () => {
      const { database, schema, kind } = await given();
      const first = database.write(kind("k"), "first");
      await new Promise((turn) => setImmediate(turn));
      await new Promise((turn) => setImmediate(turn));
      await Promise.all([first, ...["a", "b", "c"].map((text) => database.write(kind("k"), text))]);
      expect(await schema.query(`SELECT DISTINCT xmin::text FROM ${schema.name}.t`)).toHaveLength(2);
    });

    test("fail alone when one of them is to blame", async () => {
      const { database, kind, texts } = await given();
      const settled = await Promise.allSettled(["a", "bad", "b", "c"].map((text) => database.write(kind("k"), text)));
      expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
      expect(settled[1]).toMatchObject({ reason: { name: "PostgresError", passing: false, sqlState: "23514" } });
      expect(await texts()).toEqual(["a", "b", "c"]);
    });

    test("of one chain fall together, in the order of their ranks", async () => {
      const { database, kind, texts } = await given();
      const later = kind("later", 20);
      const settled = await Promise.allSettled([
        database.write(later, "ack 1", { chain: 1 }),
        database.write(kind("k"), "bad", { chain: 1 }),
        database.write(kind("k"), "result 2", { chain: 2 }),
        database.write(later, "ack 2", { chain: 2 }),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
      expect(await texts()).toEqual(["ack 2", "result 2"]);
    });

    test("fall with one of their chain that could not be asked for", async () => {
      const { database, kind, texts } = await given();
      const settled = await Promise.allSettled([
        database.fail(new Error("no JSON"), { chain: 1 }),
        database.write(kind("k"), "ack", { chain: 1 }),
        database.write(kind("k"), "other"),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
      expect(settled[1]).toMatchObject({ reason: { message: "no JSON" } });
      expect(await texts()).toEqual(["other"]);
    });

    test("with the same key come one after the other", async () => {
      const { database, kind, texts } = await given();
      const keyed = { ...kind("k"), key: (text: string) => text.slice(0, 1) };
      await Promise.all(["a1", "b1", "a2", "a3", "b2"].map((text) => database.write(keyed, text)));
      expect(await texts("id")).toEqual(["a1", "b1", "a2", "b2", "a3"]);
    });

    test("settle within their time whatever the server does", async () => {
      const { database, schema, kind, texts } = await given({ writeTimeout: 0.6 });
      const rival = await schema.client();
      await rival.query(`BEGIN; LOCK TABLE ${schema.name}.t`);
      const startMs = performance.now();
      await expect(database.write(kind("k"), "late")).rejects.toMatchObject({ passing: true });
      expect(performance.now() - startMs).toBeLessThan(2000);
      await rival.query("ROLLBACK");
      await database.write(kind("k"), "in time");
      expect(await texts()).toContain("in time");
    });

    test("survive the end of their connections, and are told when they may have been done", async () => {
      const { database, schema, kind, texts } = await given();
      const again: boolean[] = [];
      const watched = {
        ...kind("k"),
        values: (items: readonly string[], context: { again: boolean }) => {
          again.push(context.again);
          return [items];
        },
      };
      const rival = await schema.client();
      await rival.query(`BEGIN; LOCK TABLE ${schema.name}.t`);
      const written = database.write(watched, "x");
      await vi.waitFor(async () => expect(await terminate(schema, "INSERT INTO")).toBe(1));
      await rival.query("ROLLBACK");
      await written;
      expect(await texts()).toEqual(["x"]);
      expect(again).toEqual([false, true]);
    });

    test("are repeated after a deadlock", async () => {
      const { database, schema } = await given();
      await schema.query(`INSERT INTO ${schema.name}.t (text) VALUES ('a'), ('b')`);
      const update = `UPDATE ${schema.name}.t SET n = n + 1 WHERE text = `;
      const lockBoth = async (one: string, other: string): Promise<unknown> =>
        await database.transaction(async (sql) => {
          await sql.query(`${update}'${one}'`);
          await new Promise((later) => setTimeout(later, 50));
          await sql.query(`${update}'${other}'`);
        });
      await Promise.all([lockBoth("a", "b"), lockBoth("b", "a")]);
      expect(await schema.query(`SELECT DISTINCT n FROM ${schema.name}.t`)).toEqual([{ n: 2 }]);
    });

    test("are committed when the database is closed, and refused afterwards", async () => {
      const { database, kind, texts } = await given();
      const written = ["a", "b"].map((text) => database.write(kind("k"), text));
      await database.close();
      await Promise.all(written);
      expect(await texts()).toEqual(["a", "b"]);
      await expect(database.write(kind("k"), "late")).rejects.toThrow(/closed/);
      await expect(database.query("SELECT 1")).rejects.toThrow(/closed/);
    });
  });

  describe("a query", () => {
    test("is repeated on another connection when its own is ended", async () => {
      const { database, schema } = await given();
      const rival = await schema.client();
      await rival.query(`BEGIN; LOCK TABLE ${schema.name}.t`);
      const counted = database.query(`SELECT count(*) FROM ${schema.name}.t`);
      await vi.waitFor(async () => expect(await terminate(schema, "SELECT count")).toBe(1));
      await rival.query("ROLLBACK");
      expect((await counted).rows).toEqual([{ count: "0" }]);
    });

    test("that must not be repeated rejects instead", async () => {
      const { database, schema } = await given();
      const rival = await schema.client();
      await rival.query(`BEGIN; LOCK TABLE ${schema.name}.t`);
      const inserted = database.query(`INSERT INTO ${schema.name}.t (text) VALUES ('x')`, [], { repeatable: false });
      const refused = expect(inserted).rejects.toBeInstanceOf(PostgresError);
      await vi.waitFor(async () => expect(await terminate(schema, "INSERT INTO")).toBe(1));
      await refused;
      await rival.query("ROLLBACK");
    });

    test("of a server that does not answer rejects in time", async () => {
      const { database } = await given();
      const slow = database.query("SELECT pg_sleep(30)", [], { timeout: 0.5 });
      await expect(slow).rejects.toMatchObject({ passing: true });
    });
  });

  describe("migrating", () => {
    test("is done once by many that come at the same time", async () => {
      const schema = await givenSchema();
      const databases = Array.from({ length: 8 }, () => open(schema.url));
      await Promise.all(databases.map((database) => database.open()));
      const versions = await schema.query(`SELECT version FROM ${schema.name}.migrations ORDER BY version`);
      expect(versions.map(({ version }) => version)).toEqual(POSTGRES_MIGRATIONS.map((_, index) => index + 1));
    });

    test("refuses a schema made by a newer version", async () => {
      const schema = await givenSchema();
      await open(schema.url).open();
      await schema.query(`INSERT INTO ${schema.name}.migrations (version, name) VALUES (999, 'from tomorrow')`);
      const opened = open(schema.url).open();
      await expect(opened).rejects.toThrow(ConfigurationError);
      await expect(opened).rejects.toMatchObject({ code: "newer_database" });
    });

    test("that fails leaves nothing done, and may be tried again", async () => {
      const schema = await givenSchema();
      const session = await givenSession(server);
      const good = { name: "good", sql: "CREATE TABLE good (id integer)" };
      await expect(
        migrateSchema(session, schema.name, [good, { name: "bad", sql: "CREATE NONSENSE" }]),
      ).rejects.toThrow(/NONSENSE/);
      expect(await schema.query("SELECT to_regnamespace($1) AS found", [schema.name])).toEqual([{ found: null }]);
      await migrateSchema(session, schema.name, [good]);
      await migrateSchema(session, schema.name, [good, { name: "more", sql: "ALTER TABLE good ADD more integer" }]);
      expect(await schema.query(`SELECT id, more FROM ${schema.name}.good`)).toEqual([]);
    });

    test("by a user who may not says what to do; one who may is served when it is done", async () => {
      const schema = await givenSchema();
      const role = schema.name.replace("t_", "role_");
      await schema.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
      onTestFinished(async () => {
        const cleaning = await postgresSchema(server);
        await cleaning.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
        await cleaning.remove();
      });
      const limited = new URL(schema.url.replace(/^postgres:/, "http:"));
      limited.username = role;
      limited.password = "x";
      const url = limited.href.replace(/^http:/, "postgres:");
      const denied = open(url).open();
      await expect(denied).rejects.toMatchObject({ code: "migration_denied" });
      await expect(denied).rejects.toThrow(/lovage migrate/);

      await open(schema.url).open();
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${role}`);
      await schema.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema.name} TO ${role}`);
      await open(url).open();
    });
  });

  describe("notifications", () => {
    test("arrive, once for all that were the same", async () => {
      const { database } = await given();
      const heard = new Heard();
      await listen(database, "topic", heard);
      for (const payload of ["a", "b", "a"]) database.notify("topic", payload);
      await heard.holds("b");
      expect(heard.notices.slice(0, 2)).toEqual(["a", "b"]);
    });

    test("keep to their topic and their schema", async () => {
      const { database } = await given();
      const elsewhere = await given();
      const heard = new Heard();
      await listen(database, "one", heard);
      elsewhere.database.notify("one", "from another schema");
      database.notify("two", "on another topic");
      database.notify("one", "here");
      await heard.holds("here");
      expect(heard.notices).toEqual(["here"]);
    });

    test("come again after their connection was ended, and a look makes up for what was missed", async () => {
      const { database, schema, logger } = await given();
      const heard = new Heard();
      await listen(database, "topic", heard);
      const looks = heard.looks;
      await vi.waitFor(async () => expect(await terminate(schema, "LISTEN")).toBe(1));
      await logger.line(({ message }) => message.includes("again"));
      await vi.waitFor(() => {
        expect(heard.looks).toBeGreaterThan(looks);
        expect(database.isNotified).toBe(true);
      }, 5000);
      database.notify("topic", "after the break");
      await heard.holds("after the break");
    });

    test("end for a listener that stops", async () => {
      const { database } = await given();
      const leaving = new Heard();
      const staying = new Heard();
      const stop = await database.listen("topic", leaving);
      await listen(database, "topic", staying);
      stop();
      database.notify("topic", "x");
      await staying.holds("x");
      expect(leaving.notices).toEqual([]);
    });
  });

  test("the same URL is one database to the parts of one app", async () => {
    const schema = await givenSchema();
    const connections = new Connections();
    const options = { connections, logger: silentLogger, writeTimeout: 10 };
    const one = postgresDatabase({ ...options, url: schema.url });
    const other = postgresDatabase({ ...options, url: `${schema.url}&layout=django` }, ["layout"]);
    expect(other.share.value).toBe(one.share.value);
    await one.share.release();
    await other.share.release();
  });

  describeWithServer("pgbouncer", "through a pooler in transaction mode", (program) => {
    test("writes and queries work, and listening falls back to looking, said once", async () => {
      const schema = await givenSchema();
      const pooler = await pgbouncer(program, server);
      onTestFinished(pooler.stop);
      const logger = new RecordingLogger();
      const database = open(`${pooler.url}?schema=${schema.name}`, { logger });
      await database.open();
      await makeTable(schema);
      const kind = makeKinds(schema)("k");
      const other = makeKinds(schema)("other", 20);
      for (let turn = 0; turn < 5; turn++)
        await Promise.all([
          database.write(kind, `a${turn}`),
          database.write(other, `b${turn}`),
          database.query("SELECT 1"),
        ]);
      expect(await schema.query(`SELECT count(*)::int AS n FROM ${schema.name}.t`)).toEqual([{ n: 10 }]);

      const heard = new Heard();
      await listen(database, "topic", heard);
      await listen(database, "another", new Heard());
      expect(database.isNotified).toBe(false);
      const looks = heard.looks;
      await vi.waitFor(() => expect(heard.looks).toBeGreaterThan(looks), 3000);
      expect(logger.lines.filter(({ message }) => message.includes("listenUrl"))).toHaveLength(1);
    });

    test("listening goes by listenUrl", async () => {
      const schema = await givenSchema();
      const pooler = await pgbouncer(program, server);
      onTestFinished(pooler.stop);
      const database = open(`${pooler.url}?schema=${schema.name}&listenUrl=${encodeURIComponent(server)}`);
      await database.open();
      const heard = new Heard();
      await listen(database, "topic", heard);
      database.notify("topic", "x");
      await heard.holds("x");
    });
  });

  interface Given {
    readonly schema: PostgresSchema;
    readonly database: PostgresDatabase;
    readonly logger: RecordingLogger;
    kind(name: string, rank?: number): TextKind;
    texts(order?: string): Promise<unknown[]>;
  }

  /** An open database with a table `t` of texts, which refuses "bad" ones. */
  async function given(options: { writeTimeout?: number } = {}): Promise<Given> {
    const schema = await givenSchema();
    const logger = new RecordingLogger();
    const database = open(schema.url, { ...options, logger });
    await database.open();
    await makeTable(schema);
    const texts = async (order = "text"): Promise<unknown[]> =>
      (await schema.query(`SELECT text FROM ${schema.name}.t ORDER BY ${order}`)).map(({ text }) => text);
    return { schema, database, logger, kind: makeKinds(schema), texts };
  }

  async function givenSchema(): Promise<PostgresSchema> {
    const schema = await postgresSchema(server);
    onTestFinished(schema.remove);
    return schema;
  }
});

interface TextKind extends WriteKind<string, string> {
  /** The items of each statement. */
  readonly calls: (readonly string[])[];
}

async function makeTable(schema: PostgresSchema): Promise<void> {
  await schema.query(
    `CREATE TABLE ${schema.name}.t (id serial, text text NOT NULL CHECK (text <> 'bad'), n integer NOT NULL DEFAULT 0)`,
  );
}

/** Kinds that insert texts, the same one for the same name. */
function makeKinds(schema: PostgresSchema): (name: string, rank?: number) => TextKind {
  const kinds = new Map<string, TextKind>();
  return (name, rank = 10) => {
    const calls: (readonly string[])[] = [];
    const kind = kinds.get(name) ?? {
      name,
      rank,
      calls,
      text: `INSERT INTO ${schema.name}.t (text) SELECT * FROM unnest($1::text[]) RETURNING text`,
      values: (items) => {
        calls.push(items);
        return [items];
      },
      outcomes: (_, rows) => rows.map(({ text }) => ({ value: String(text) })),
    };
    kinds.set(name, kind);
    return kind;
  };
}

function open(url: string, options: { writeTimeout?: number; logger?: Logger } = {}): PostgresDatabase {
  const { target } = parsePostgresUrl(url);
  const database = new PostgresDatabase(target, { writeTimeout: 10, logger: silentLogger, ...options });
  onTestFinished(() => database.close());
  return database;
}

async function givenSession(url: string): Promise<PostgresSession> {
  const session = await PostgresSession.open({
    endpoint: parsePostgresUrl(url).target.endpoints[0],
    connectTimeout: 5,
  });
  onTestFinished(() => session.close());
  return session;
}

async function listen(database: PostgresDatabase, topic: string, listener: NoticeListener): Promise<void> {
  onTestFinished(await database.listen(topic, listener));
}

/** Ends the server's processes whose last statement begins so and names this schema, or listens on its channels. Returns how many. */
async function terminate(schema: PostgresSchema, begins: string): Promise<number> {
  const { target } = parsePostgresUrl(schema.url);
  const names = new PostgresDatabase(target, { writeTimeout: 1, logger: silentLogger });
  const channel = names.channel("");
  const rows = await schema.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE $1 AND (query LIKE $2 OR query LIKE $3) AND pid <> pg_backend_pid() AND state IS NOT NULL`,
    [`${begins}%`, `%${schema.name}%`, `%${channel}%`],
  );
  return rows.length;
}

/** Keeps what it hears. */
class Heard implements NoticeListener {
  readonly notices: string[] = [];
  looks = 0;
  readonly onNotice = (payload: string): void => {
    this.notices.push(payload);
  };
  readonly onLook = (): void => {
    this.looks++;
  };
  async holds(payload: string): Promise<void> {
    await vi.waitFor(() => expect(this.notices).toContain(payload), 3000);
  }
}
