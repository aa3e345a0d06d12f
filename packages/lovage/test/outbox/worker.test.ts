import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AsyncResult, Lovage } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { describeWithServer } from "../support/servers.js";
import { type SqliteFile, sqliteFile } from "../support/sqlite-file.js";

const TASKS = fileURLToPath(new URL("../support/outbox-tasks.ts", import.meta.url));
const VARIABLES = ["LOVAGE_BROKER_URL", "LOVAGE_RESULT_BACKEND", "LOVAGE_OUTBOX_URL"];

/** Where its messages are, and whether there is an outbox on their way. */
const BROKERS = [
  { kind: "a file, and an outbox", urlIn: (file: SqliteFile) => file.url, outbox: true },
  { kind: "the database itself", urlIn: (_: SqliteFile, schema: PostgresSchema) => schema.url, outbox: false },
] as const;

describeWithServer("postgres", "a worker with transactions around it", (server) => {
  describe.each(BROKERS)("whose broker is $kind", ({ urlIn, outbox }) => describeWorker(server, urlIn, outbox));
});

function describeWorker(
  server: string,
  urlIn: (file: SqliteFile, schema: PostgresSchema) => string,
  outbox: boolean,
): void {
  let schema: PostgresSchema;
  let file: SqliteFile;
  let tasks: typeof import("../support/outbox-tasks.js");
  let app: Lovage;

  beforeAll(async () => {
    schema = await postgresSchema(server);
    file = await sqliteFile();
    process.env.LOVAGE_BROKER_URL = urlIn(file, schema);
    process.env.LOVAGE_RESULT_BACKEND = urlIn(file, schema);
    if (outbox) process.env.LOVAGE_OUTBOX_URL = schema.url;
    // An app reads its settings once.
    vi.resetModules();
    tasks = await import("../support/outbox-tasks.js");
    ({ app } = tasks);
  });
  afterAll(async () => {
    await app.close();
    for (const name of VARIABLES) delete process.env[name];
    await schema.remove();
    await file.remove();
  });

  test.each(["processes", "threads", "solo"] as const)(
    "runs what programs and its own tasks send inside transactions, with the pool %s",
    async (pool) => {
      const worker = new Worker({ app, appPath: TASKS, pool, concurrency: 1, hostname: `${pool}@test` });
      await worker.start();
      try {
        // Given a program's transaction, and those of tasks
        const client = await schema.client();
        await client.query("BEGIN");
        const sent = await app.in(client).delay(tasks.add, 2, 2);
        await client.query("COMMIT");
        const committed = await tasks.sends.delay(server, true);
        const rolledBack = await tasks.sends.delay(server, false);
        // Then what was committed has run, and nothing else
        expect(await sent.get({ timeout: 20 })).toBe(4);
        const child: AsyncResult<number> = app.asyncResult(await committed.get({ timeout: 20 }));
        expect(await child.get({ timeout: 20 })).toBe(42);
        const never = app.asyncResult(await rolledBack.get({ timeout: 20 }));
        expect(await never.status()).toBe("PENDING");
        expect(await committed.meta()).toMatchObject({ children: [[[child.id, null], null]] });
      } finally {
        await worker.stop();
      }
    },
    60_000,
  );
}
