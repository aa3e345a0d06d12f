import { describe, expect, test } from "vitest";
import type { Call, Client } from "../support/client.js";
import { type Pair, untilLines } from "../support/pair.js";

const TASKS = 1000;
const RETRIED = 60;

/** Workers of both languages on one queue, and work that passes from one to the other. */
export function describeFleet(pair: () => Pair): void {
  const clients = (): readonly Client[] => [pair().clients.python, pair().clients.lovage];

  describe("a fleet of both languages", () => {
    test(`${TASKS} tasks on one queue are all done, none twice, and both workers have their share`, async () => {
      const path = pair().stage.path();
      const calls = (from: number): Call[] =>
        Array.from({ length: TASKS / 2 }, (_, index) => ({ name: "mixed.record", args: [from + index, path] }));
      // Given half of them sent by either client
      const [python, lovage] = clients();
      const [fromPython, fromLovage] = await Promise.all([
        python?.sendMany(calls(0)),
        lovage?.sendMany(calls(TASKS / 2)),
      ]);
      // When all have their results
      const endings = await Promise.all([python?.getMany(fromPython ?? []), lovage?.getMany(fromLovage ?? [])]);
      expect(endings.flat().map((ending) => ending?.value)).toEqual(Array.from({ length: TASKS }, (_, each) => each));
      // Then each has run once
      const lines = await untilLines(path, TASKS);
      expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(TASKS);
      expect(lines).toHaveLength(TASKS);
      expect(new Set(lines.map((line) => line.split(" ")[1]))).toEqual(new Set(["python", "lovage"]));
    });

    test("a retry that one worker asked for is run by whichever takes it", async () => {
      const path = pair().stage.path();
      const calls = Array.from({ length: RETRIED }, (_, each) => ({ name: "mixed.flaky", args: [each, 2, path] }));
      const client = pair().clients.lovage;
      const endings = await client.getMany(await client.sendMany(calls));
      expect(endings.map(({ value }) => value)).toEqual(Array.from({ length: RETRIED }, () => 2));
      // Each try of each task once
      const tries = (await untilLines(path, 3 * RETRIED)).map((line) => line.split(" "));
      expect(new Set(tries.map(([number, retries]) => `${number} ${retries}`)).size).toBe(3 * RETRIED);
      expect(tries).toHaveLength(3 * RETRIED);
      const languages = new Map<string, Set<string>>();
      for (const [number = "", , language = ""] of tries)
        languages.set(number, (languages.get(number) ?? new Set()).add(language));
      expect([...languages.values()].some(({ size }) => size === 2)).toBe(true);
    });

    test("a chain that Python sent passes from language to language", async () => {
      const steps = [
        { task: "py.add", args: [1, 2] },
        { task: "js.double" },
        { task: "py.add", args: [10] },
        { task: "js.add", args: [100] },
      ];
      const { python } = pair();
      const ids = await python.sendChain(steps);
      expect(ids).toHaveLength(4);
      expect(await python.get(ids[3] ?? "")).toEqual({ state: "SUCCESS", value: 116 });
    });

    test("messages of protocol 1 are run", async () => {
      const { python } = pair();
      expect(await python.get(await python.sendProtocol1("js", "js.add", [3, 4]))).toEqual({
        state: "SUCCESS",
        value: 7,
      });
    });

    test("compressed messages are run", async () => {
      const { python } = pair();
      const id = await python.sendCompressed({ name: "js.length", args: ["abc".repeat(10_000)] }, "zlib");
      expect(await python.get(id)).toEqual({ state: "SUCCESS", value: 30_000 });
    });

    test("dates are plain texts to peers that know no typed values", async () => {
      const { python, clients } = pair();
      const sent = new Date("2024-01-02T03:04:05.678Z");
      // Celery 5.2 would hand a typed value to the task as a dict.
      expect(await clients.lovage.call({ name: "py.types", args: [sent] })).toEqual({
        state: "SUCCESS",
        value: ["str:'2024-01-02T03:04:05.678000Z'"],
      });
      expect(await python.call({ name: "js.date" })).toEqual({
        state: "SUCCESS",
        value: "2024-01-02T03:04:05.678000Z",
      });
      expect(await clients.lovage.call({ name: "py.date" })).toEqual({
        state: "SUCCESS",
        value: "2024-01-02T03:04:05.678900Z",
      });
    });

    test.each([
      ["lovage", async (name: string) => await pair().stage.lovageWorker(name, "-Q", "ranked", "--pool", "solo")],
      [
        "python",
        async (name: string) =>
          await pair().stage.pythonWorker(name, "-Q", "ranked", "--pool", "solo", "--without-mingle"),
      ],
    ])("a %s worker takes what both clients have sent in the order of priority", async (language, start) => {
      const path = pair().stage.path();
      // Given one message of each priority from each client, in no order
      for (const client of clients()) {
        for (const priority of [3, 9, 0, 6]) {
          const name = `${language === "lovage" ? "js" : "py"}.record`;
          await client.send({ name, args: [priority, path], priority, queue: "ranked" });
        }
      }
      // When a worker begins that runs one at a time
      const worker = await start(`ranked-${language}@interop`);
      const lines = await untilLines(path, 8);
      await worker.stop();
      // Then RabbitMQ gives the largest number first, and Redis, in kombu's order, the smallest
      const rising = ["0", "0", "3", "3", "6", "6", "9", "9"];
      expect(lines).toEqual(pair().transport.broker === "redis" ? rising : rising.toReversed());
    });
  });
}
