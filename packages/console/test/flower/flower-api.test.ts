import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Lovage } from "lovage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { openTestConsole, type TestConsole } from "../support/test-console.js";

/**
 * flower_client.py, a script written for Flower, is run against the console with a worker of Python's Celery behind it. What it was
 * answered is compared with flower-vectors.json: what Flower itself (2.0.0-dev, Celery 5.2.6, Redis) answered to the same script.
 */
const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const WORKER = "w@flower";

interface Call {
  readonly status: number;
  readonly body: unknown;
}
type Calls = Readonly<Record<string, Call>>;

describeWithServer("python", "Flower's API", (python) => {
  describeWithServer("redis", "on Redis with a Celery worker", (redis) => {
    let flower: Calls;
    let ours: Calls;
    let open: TestConsole;

    beforeAll(async () => {
      flower = readCalls(await readFile(`${FOLDER}flower-vectors.json`, "utf8"));
      const prefix = `flower-${process.pid}-${Date.now()}:`;
      const url = `${redis}?global_keyprefix=${encodeURIComponent(prefix)}`;
      // Celery 5.2 knows prefixes of the broker only; results are kept apart by their tasks' ids.
      const app = new Lovage("flower", { brokerUrl: url, resultBackend: redis });
      open = await openTestConsole({ app, hasApp: false });
      const worker = spawn(
        python,
        ["-m", "celery", "-A", "flower_tasks", "worker", "-E", "-n", WORKER, "-c", "2", "-l", "error"],
        {
          cwd: FOLDER,
          env: { ...process.env, BROKER_URL: redis, RESULT_BACKEND: redis, PREFIX: prefix },
          stdio: "ignore",
        },
      );
      const client = spawn(python, [`${FOLDER}flower_client.py`, open.url, WORKER], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      client.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      const [code] = await once(client, "close");
      if (worker.exitCode === null) await Promise.race([once(worker, "exit"), terminateSoon(worker)]);
      expect(code).toBe(0);
      ours = readCalls(text);
    }, 120_000);
    afterAll(async () => {
      await open?.close();
    });

    test("answers every call with Flower's status", () => {
      expect(statusesOf(ours)).toEqual(statusesOf(flower));
    });

    test("gives the fields that Flower gives, and no others to tasks", () => {
      for (const [name, { status, body }] of Object.entries(flower)) {
        if (status !== 200 || name === "metrics") continue;
        expect(differences(body, ours[name]?.body, name)).toEqual([]);
      }
      expect(Object.keys(object(ours.info?.body)).sort()).toEqual(Object.keys(object(flower.info?.body)).sort());
    });

    test("says what Flower says, word for word", () => {
      const messages = (calls: Calls): Readonly<Record<string, string>> =>
        Object.fromEntries(
          Object.entries(calls).flatMap(([name, { body }]) => {
            const text = typeof body === "string" ? body : object(body).message;
            // Flower leaves most refusals empty; that is not copied.
            return typeof text === "string" && object(flower[name]?.body ?? {}) && flower[name]?.body !== ""
              ? [[name, withoutIds(text)]]
              : [];
          }),
        );
      expect(messages(ours)).toEqual(messages(flower));
    });

    test("gives the same results", () => {
      for (const name of ["apply", "result", "result waits", "result pending", "apply fails"]) {
        const { "task-id": _ours, traceback: _a, ...mine } = object(ours[name]?.body);
        const { "task-id": _theirs, traceback: _b, ...theirs } = object(flower[name]?.body);
        expect(mine).toEqual(theirs);
      }
      expect(ours.types?.body).toEqual(flower.types?.body);
      expect(Object.keys(object(ours["tasks filtered"]?.body))).toHaveLength(1);
    });

    test("has Flower's metrics", () => {
      // prom-client has no `_created` series, which the Prometheus text format leaves out.
      const wanted = list(flower.metrics?.body).filter((name) => !String(name).endsWith("_created"));
      expect(list(ours.metrics?.body)).toEqual(expect.arrayContaining(wanted));
    });
  });
});

function readCalls(text: string): Calls {
  const calls = object(JSON.parse(text));
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]): [string, Call] => {
      const { status, body } = object(call);
      return [name, { status: Number(status), body }];
    }),
  );
}

function statusesOf(calls: Calls): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(calls).map(([name, { status }]) => [name, status]));
}

/** Members that Flower gives and we do not, or that are of another type. Ids, names of workers and counts of events differ from run to run. */
function differences(theirs: unknown, ours: unknown, place: string): readonly string[] {
  if (theirs === null || ours === null) return [];
  if (Array.isArray(theirs)) {
    if (!Array.isArray(ours)) return [`${place}: not a list`];
    return theirs.length === 0 || ours.length === 0 ? [] : differences(theirs[0], ours[0], `${place}[0]`);
  }
  if (typeof theirs !== "object")
    return typeof theirs === typeof ours ? [] : [`${place}: ${typeof ours} for ${typeof theirs}`];
  const [mine, wanted] = [object(ours), object(theirs)];
  if (Object.keys(wanted).some((key) => UUID.test(key))) {
    return differences(Object.values(wanted)[0], Object.values(mine)[0] ?? null, `${place}.<id>`);
  }
  return Object.entries(wanted).flatMap(([key, value]) =>
    key in mine
      ? differences(value, mine[key], `${place}.${key}`)
      : VARYING.test(`${place}.${key}`)
        ? []
        : [`${place}.${key}: missing`],
  );
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** What a worker is set to is the test's; how many of each task, and which events were seen, is chance. */
const VARYING = /\.conf\.|stats\.total\.|data\[0\]\.task-|stats\.rusage\./;

function withoutIds(text: string): string {
  return text.replace(UUID, "<id>");
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

async function terminateSoon(worker: ReturnType<typeof spawn>): Promise<void> {
  // The script's last call shuts it down; should that have failed, it must not stay.
  await new Promise((resolve) => setTimeout(resolve, 15_000).unref());
  worker.kill("SIGKILL");
  await once(worker, "exit");
}
