import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { EventReceiver } from "lovage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fields } from "../support/client.js";
import { Feed } from "../support/feed.js";
import { LOVAGE_NODE, type Pair, PYTHON_NODE, SLOTS, untilLines } from "../support/pair.js";

const NODES = { lovage: LOVAGE_NODE, python: PYTHON_NODE } as const;
const PREFIXES = { lovage: "js", python: "py" } as const;

/** What every event has, and what each type adds to it. Source: celery-protocol 8.2 and 8.3. */
const COMMON = ["clock", "hostname", "pid", "timestamp", "type", "utcoffset"];
const FAMILY = ["args", "eta", "expires", "kwargs", "name", "parent_id", "retries", "root_id", "uuid"];
const VITALS = ["active", "freq", "loadavg", "processed", "sw_ident", "sw_sys", "sw_ver"];
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "task-received": FAMILY,
  "task-started": ["uuid"],
  "task-succeeded": ["result", "runtime", "uuid"],
  "task-failed": ["exception", "traceback", "uuid"],
  "task-retried": ["exception", "traceback", "uuid"],
  "task-revoked": ["expired", "signum", "terminated", "uuid"],
  "worker-online": VITALS,
  "worker-heartbeat": VITALS,
  "worker-offline": VITALS,
};

export function describeEvents(pair: () => Pair): void {
  describe("events, gossip and mingle", () => {
    const heard = new Feed<Fields>("an event");
    let receiver: EventReceiver | undefined;

    beforeAll(async () => {
      const { app, python } = pair();
      const { broadcast } = await app.direct.broker();
      receiver = new EventReceiver({ broadcast, onEvent: ({ fields }) => heard.push(fields) });
      await Promise.all([receiver.start(), python.listen()]);
      for (const node of Object.values(NODES)) await python.control("enable_events", {}, [node]);
    });
    afterAll(async () => {
      await receiver?.stop();
      for (const node of Object.values(NODES)) await pair().python.control("disable_events", {}, [node]);
    });

    const RECEIVERS = [
      ["Python", "lovage"],
      ["Lovage", "python"],
    ] as const;
    const feedOf = (receiverName: string): Feed<Fields> => (receiverName === "Python" ? pair().python.events : heard);

    describe.each(RECEIVERS)("%s's receiver and a %s worker", (receiverName, language) => {
      const prefix = PREFIXES[language];
      const client = () => pair().clients[language === "lovage" ? "python" : "lovage"];

      test("the whole life of a task is told, with all its fields", async () => {
        const added = await client().send({ name: `${prefix}.add`, args: [1, 2] });
        const failed = await client().send({ name: `${prefix}.fail`, args: ["no"] });
        const retried = await client().send({ name: `${prefix}.flaky`, args: [1] });
        expect(await told(added, 3)).toEqual(["task-received", "task-started", "task-succeeded"]);
        expect(await told(failed, 3)).toEqual(["task-received", "task-started", "task-failed"]);
        // In whatever order: one process may begin the second try before the other has told how the first one ended.
        const tries = [
          "task-received",
          "task-received",
          "task-retried",
          "task-started",
          "task-started",
          "task-succeeded",
        ];
        expect((await told(retried, tries.length)).toSorted()).toEqual(tries);
        expect(eventOf(added, "task-received")).toMatchObject({
          hostname: NODES[language],
          pid: pair().workers[language].child.pid,
          utcoffset: Math.floor(new Date().getTimezoneOffset() / 60) + 0,
          name: `${prefix}.add`,
          args: expect.stringMatching(/^[[(]1, 2[\])]$/),
          kwargs: "{}",
          root_id: added,
          parent_id: null,
          retries: 0,
          eta: null,
          expires: null,
        });
        expect(eventOf(added, "task-succeeded")).toMatchObject({ result: "3", runtime: expect.any(Number) });
        expect(eventOf(failed, "task-failed")).toMatchObject({
          exception: expect.stringMatching(/^(RangeError|ValueError)\('no',?\)$/),
          traceback: expect.stringContaining("no"),
        });
      });

      test("so are revoked, terminated and expired tasks", async () => {
        const { stage } = pair();
        const path = stage.path();
        const hold = { name: `${prefix}.hold`, args: [path] };
        await client().sendMany(Array.from({ length: SLOTS }, () => hold));
        await untilLines(`${path}.began`, SLOTS);
        const revoked = await client().send({ name: `${prefix}.add`, args: [1, 2] });
        const expired = await client().send({ name: `${prefix}.add`, args: [1, 2], expires: 0.5 });
        await client().revoke(revoked, NODES[language], { terminate: false });
        // Nothing tells that time has passed but time.
        await new Promise((resolve) => setTimeout(resolve, 550));
        writeFileSync(path, "");
        for (const id of [revoked, expired]) await untilRevoked(id);
        expect(eventOf(revoked, "task-revoked")).toMatchObject({ terminated: false, signum: null, expired: false });
        expect(eventOf(expired, "task-revoked")).toMatchObject({ terminated: false, signum: null, expired: true });

        const spun = stage.path();
        const terminated = await client().send({ name: `${prefix}.spin`, args: [spun] });
        await untilLines(spun, 1);
        await client().revoke(terminated, NODES[language], { terminate: true });
        await untilRevoked(terminated);
        expect(eventOf(terminated, "task-revoked")).toMatchObject({ terminated: true, expired: false });
      });

      test("a worker's coming, being and going is told", async () => {
        const { stage } = pair();
        const name = `passing-${language}@interop`;
        const worker =
          language === "lovage"
            ? await stage.lovageWorker(name, "-Q", "nothing", "--pool", "solo")
            : await stage.pythonWorker(name, "-Q", "py", "--pool", "solo");
        for (const type of ["worker-online", "worker-heartbeat"]) await ofWorker(name, type);
        await worker.stop();
        const offline = await ofWorker(name, "worker-offline");
        expect(offline).toMatchObject({
          freq: 2,
          active: 0,
          processed: 0,
          loadavg: [expect.any(Number), expect.any(Number), expect.any(Number)],
          sw_ident: language === "lovage" ? expect.stringContaining("lovage") : "py-celery",
        });
      });

      test("no event has other fields than those of its type, but for the one member that is ours", () => {
        const wrong = feedOf(receiverName)
          .all.filter(({ hostname, type }) => hostname === NODES[language] && String(type) in FIELDS)
          .flatMap((event) => {
            const expected = [...COMMON, ...(FIELDS[String(event.type)] ?? [])].toSorted();
            // Python's receiver adds when it heard of it; a heartbeat on command is short; a hard limit has no traceback.
            const others = language === "lovage" ? ["local_received", "lovage"] : ["local_received"];
            const found = Object.keys(event).filter((name) => !others.includes(name));
            return found.toSorted().join() === expected.join() || isShort(event) ? [] : [event];
          });
        expect(wrong).toEqual([]);
      });

      /** Types of the task's first so many events, in the order of the sender's clock. */
      async function told(uuid: string, count: number): Promise<readonly unknown[]> {
        const what = `${count} events of ${uuid}`;
        const feed = feedOf(receiverName);
        const events = await feed.untilSome(
          () => {
            const found = feed.all.filter((event) => event.uuid === uuid && event.type !== "task-sent");
            return found.length >= count ? found : undefined;
          },
          { what },
        );
        return events.toSorted((one, other) => Number(one.clock) - Number(other.clock)).map(({ type }) => type);
      }
      async function untilRevoked(uuid: string): Promise<void> {
        const isIt = (event: Fields): boolean => event.uuid === uuid && event.type === "task-revoked";
        await feedOf(receiverName).until(isIt, { what: `task-revoked of ${uuid}` });
      }
      function eventOf(uuid: string, type: string): Fields | undefined {
        return feedOf(receiverName).all.find((event) => event.uuid === uuid && event.type === type);
      }
      async function ofWorker(name: string, type: string): Promise<Fields> {
        return await feedOf(receiverName).until((event) => event.hostname === name && event.type === type, {
          what: `${type} of ${name}`,
        });
      }
    });

    test("`celery events --dump` shows our worker's events", async () => {
      const { stage, clients } = pair();
      const dump = await stage.celery("celery events", /starting capture/, ["events", "--dump"]);
      // It is ready a moment after it has said so; a heartbeat of ours says that it hears.
      await dump.lines.until((line) => line.includes(LOVAGE_NODE) && line.includes("heartbeat"));
      const id = await clients.python.send({ name: "js.add", args: [1, 2] });
      for (const word of ["received", "started", "succeeded"]) {
        await dump.lines.until((line) => line.includes(`task ${word}`) && line.includes(id), { what: `task ${word}` });
      }
      expect(dump.output).not.toContain("Traceback");
      await dump.stop("SIGINT");
    });

    test("a Python worker that starts learns from ours what is revoked, and gossips on undisturbed", async () => {
      const { stage, python, workers } = pair();
      const id = randomUUID();
      const said = workers.python.lines.all.length;
      await python.control("revoke", { task_id: id }, [LOVAGE_NODE]);
      const newcomer = await stage.pythonWorker("newcomer@interop", "-Q", "py", "-l", "DEBUG", "--pool", "solo");
      expect(newcomer.output).toMatch(/mingle: sync with \d nodes/);
      expect(newcomer.output).toMatch(/mingle: sync complete/);
      expect(await python.control("revoked", {}, ["newcomer@interop"])).toEqual({
        "newcomer@interop": expect.arrayContaining([id]),
      });
      await newcomer.lines.until((line) => line.includes(`${LOVAGE_NODE} joined the party`));

      await newcomer.stop();
      const lines = [...newcomer.lines.all, ...workers.python.lines.all.slice(said)];
      expect(lines.filter((line) => /ERROR|CRITICAL|Traceback/.test(line))).toEqual([]);
    });

    test("ours says hello as Python does", async () => {
      const { python } = pair();
      const id = randomUUID();
      const revoked = { [id]: [2333.5, id] };
      const replies = await python.control("hello", { from_node: "somebody@interop", revoked }, [LOVAGE_NODE]);
      expect(replies[LOVAGE_NODE]).toMatchObject({ clock: expect.any(Number) });
      const told = await python.control("revoked", {}, [LOVAGE_NODE]);
      expect(told[LOVAGE_NODE]).toContain(id);
    });
  });
}

/** Heartbeats on command leave the figures out; a task at its hard limit has no traceback. */
function isShort(event: Fields): boolean {
  return (
    (event.type === "worker-heartbeat" && event.freq === 5) || (event.type === "task-failed" && !("traceback" in event))
  );
}
