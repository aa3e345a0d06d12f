import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { PostgresBackend } from "../../src/backends/postgres/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { currentTask, Lovage } from "../../src/index.js";
import { silentLogger } from "../../src/util/logger.js";
import { Worker } from "../../src/worker/index.js";
import { DjangoProcess } from "../support/django-process.js";
import { djangoTables } from "../support/django-tables.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { describeWithServer } from "../support/servers.js";
import { type SqliteFile, sqliteFile } from "../support/sqlite-file.js";
import { passing, success } from "../support/task-metas.js";
import { vectorsOf } from "../support/vectors.js";

const NEVER = new AbortController().signal;

describeWithServer("postgres", "layout=django", (server) => {
  describeWithServer("python", "with Django itself", (python) => {
    let schema: PostgresSchema;
    let file: SqliteFile;
    let django: DjangoProcess;
    let columns: unknown;
    let url: string;

    beforeAll(async () => {
      schema = await postgresSchema(server);
      file = await sqliteFile();
      await schema.query(`CREATE SCHEMA ${schema.name}`);
      django = new DjangoProcess(python, server, schema.name);
      columns = await django.ask("migrate");
      // Django's tables are found where the user's search path leads.
      url = `${server}?schema=${schema.name}&layout=django&options=${encodeURIComponent(`-c search_path=${schema.name}`)}`;
    });
    afterAll(async () => {
      await django.end();
      await schema.remove();
      await file.remove();
    });

    async function givenBackend(): Promise<PostgresBackend> {
      const backend = new PostgresBackend({
        url,
        resultExpires: 3600,
        connections: new Connections(),
        logger: silentLogger,
      });
      onTestFinished(() => backend.close());
      await backend.connect();
      return backend;
    }

    test("the tables that other tests use are those that Django makes", async () => {
      const made = await postgresSchema(server);
      onTestFinished(made.remove);
      await made.query(`CREATE SCHEMA ${made.name}; ${djangoTables(made.name, "2.4")}`);
      const rows = await made.query(
        `SELECT table_name, column_name, data_type, character_maximum_length, is_nullable FROM information_schema.columns
         WHERE table_schema = $1 ORDER BY 1, 2`,
        [made.name],
      );
      expect(rows.map((row) => Object.values(row))).toEqual(columns);
    });

    describe("what a worker of ours stores", () => {
      let app: Lovage;
      let worker: Worker;
      afterEach(async () => {
        await worker.stop();
        await app.close();
      });

      /** An app that keeps its results for Django, and a worker. */
      async function givenWorker() {
        app = new Lovage("django", {
          brokerUrl: file.url,
          resultBackend: url,
          resultExtended: true,
          taskTrackStarted: true,
        });
        const add = app.task("dj.add", (x: number, y: number) => x + y);
        const text = app.task("dj.text", { input: z.object({ k: z.unknown() }) }, ({ k }) => `héllo ${String(k)}`);
        const fail = app.task("dj.fail", () => {
          throw new TypeError("boom");
        });
        const retry = app.task("dj.retry", () => {
          if (currentTask().retries === 0) currentTask().retry({ countdown: 3600, exc: new Error("later") });
        });
        const parent = app.task("dj.parent", async () => (await add.delay(1, 1)).id);
        worker = new Worker({ app, pool: "solo", hostname: "w1@example.com" });
        await worker.start();
        return { add, text, fail, retry, parent };
      }

      test("is what Django's admin shows for a success", async () => {
        const { add } = await givenWorker();
        const sent = await add.delay(1, 2);
        expect(await sent.get({ timeout: 20 })).toBe(3);
        expect(await django.ask("orm", sent.id)).toMatchObject({
          ...capturedRow("success"),
          id: expect.any(Number),
          task_id: sent.id,
          date_created: expect.any(String),
          date_done: expect.any(String),
          meta: expect.stringContaining('"children":[]'),
        });
        expect(await django.ask("get", sent.id)).toMatchObject({
          status: "SUCCESS",
          result: 3,
          error: null,
          args: "(1, 2)",
          kwargs: "{}",
          worker: "w1@example.com",
        });
      });

      test("is what Django's admin shows for one with an object", async () => {
        const { text } = await givenWorker();
        const sent = await text.delay({ k: [1, "x"] });
        expect(await sent.get({ timeout: 20 })).toBe("héllo 1,x");
        expect(await django.ask("orm", sent.id)).toMatchObject({ task_args: '"()"', task_kwargs: `"{'k': [1, 'x']}"` });
        expect(await sent.meta()).toMatchObject({ args: [], kwargs: { k: [1, "x"] } });
      });

      test("is an error in Python, with its traceback", async () => {
        const { fail } = await givenWorker();
        const sent = await fail.delay();
        await sent.get({ timeout: 20, propagate: false });
        expect(await django.ask("orm", sent.id)).toMatchObject({
          status: "FAILURE",
          result: expect.stringContaining('"exc_message":["boom"]'),
          traceback: expect.stringContaining("boom"),
          task_name: "dj.fail",
        });
        expect(await django.ask("get", sent.id)).toMatchObject({ status: "FAILURE", error: ["TypeError", ["boom"]] });
      });

      test("is RETRY while a task waits for its next try", async () => {
        const { retry } = await givenWorker();
        const sent = await retry.delay();
        await expect.poll(() => sent.status(), { timeout: 20_000 }).toBe("RETRY");
        expect(await django.ask("orm", sent.id)).toMatchObject({
          status: "RETRY",
          task_name: "dj.retry",
          worker: "w1@example.com",
        });
        expect(await django.ask("get", sent.id)).toMatchObject({
          status: "RETRY",
          error: [expect.any(String), ["later"]],
        });
      });

      test("names the tasks that a task has sent, and wakes a Python client", async () => {
        const { parent } = await givenWorker();
        const sent = await parent.delay();
        const child = await django.ask("wait", sent.id);
        expect(await django.ask("get", sent.id)).toMatchObject({ children: [child] });
      });
    });

    describe("what Python stores", () => {
      test.each([true, false])("is read here, with result_extended %s", async (extended) => {
        const backend = await givenBackend();
        const id = `python ${extended}`;
        await django.ask("store", id, "SUCCESS", { list: [1, "ü", null] }, null, extended);
        const meta = await backend.get(id);
        expect(meta).toMatchObject({ taskId: id, status: "SUCCESS", result: { list: [1, "ü", null] }, children: [] });
        expect(meta?.dateDone?.getTime()).toBeGreaterThan(Date.now() - 60_000);
        if (extended)
          expect(meta).toMatchObject({ name: "proj.add", args: "(1, 2)", kwargs: "{}", worker: "celery@python" });
      });

      test("is an error here when it is one", async () => {
        const backend = await givenBackend();
        await django.ask("store", "python failure", "FAILURE", ["boom"], "Traceback …", true);
        expect(await backend.get("python failure")).toMatchObject({
          status: "FAILURE",
          result: { exc_type: "ValueError", exc_message: ["boom"], exc_module: "builtins" },
          traceback: "Traceback …",
        });
      });

      test("ends a wait here", async () => {
        const backend = await givenBackend();
        const waiting = backend.wait("python later", NEVER);
        await django.ask("store", "python later", "SUCCESS", 7, null, false);
        expect(await waiting).toMatchObject({ result: 7 });
      });

      test("is not replaced here when it is a SUCCESS, and is when it is not", async () => {
        const backend = await givenBackend();
        await django.ask("store", "python done", "SUCCESS", 1, null, true);
        expect(await backend.store(passing("python done", "RETRY"))).toBe(false);
        await django.ask("store", "python started", "STARTED", null, null, true);
        expect(await backend.store(success("python started", 2))).toBe(true);
        expect(await django.ask("get", "python started")).toMatchObject({ status: "SUCCESS", result: 2 });
        expect(await django.ask("orm", "python started")).toMatchObject({
          task_name: "proj.add",
          task_args: '"(1, 2)"',
        });
      });

      test("may replace ours, as Python knows no fences, and we go on from there", async () => {
        const backend = await givenBackend();
        await backend.store(success("both", 1), { fence: 9 });
        await django.ask("store", "both", "RETRY", ["again"], null, true);
        expect(await backend.get("both")).toMatchObject({ status: "RETRY" });
        expect(await backend.store(success("both", 2), { fence: 3 })).toBe(true);
      });

      test("as a group is restored here, and ours there", async () => {
        const backend = await givenBackend();
        await django.ask("group", "python group", ["a", "b"]);
        const restored = await backend.restoreGroup("python group");
        expect(restored?.result[1]?.map(([[id]]) => id)).toEqual(["a", "b"]);
        const members = ["c", "d"].map((id) => [[id, null], null] as const);
        await backend.saveGroup({ groupId: "our group", result: [["our group", null], members] });
        expect(await django.ask("restore", "our group")).toEqual(["c", "d"]);
      });
    });
  });
});

/** A row as Celery itself wrote it. */
function capturedRow(name: string): object {
  const vector = vectorsOf("django_results.json").find(
    (each) => each.name === `${name}[result_extended=True,track_started]`,
  );
  const rows = vector?.captured.rows;
  const [row]: unknown[] = Array.isArray(rows) ? rows : [];
  return typeof row === "object" && row !== null ? row : {};
}
