import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Fields } from "../support/client.js";
import { type Language, LOVAGE_NODE, type Pair, PYTHON_NODE, SLOTS, untilLines } from "../support/pair.js";
import { remoteControl } from "../support/remote-control.js";

const NODES = { lovage: LOVAGE_NODE, python: PYTHON_NODE } as const;
const PREFIXES = { lovage: "js", python: "py" } as const;

/** `inspect` of one language's command line asks a worker of the other. */
export function describeInspection(from: Language, to: Language, pair: () => Pair): void {
  const node = NODES[to];
  const prefix = PREFIXES[to];
  const inspect = async (command: string, ...args: readonly string[]): Promise<unknown> =>
    await remoteControl(pair(), from, node, "inspect", command, ...args);

  describe(`${from}'s inspect and a ${to} worker`, () => {
    test("ping, clock, report and memsample are answered", async () => {
      expect(await inspect("ping")).toEqual({ ok: "pong" });
      expect(await inspect("clock")).toEqual({ clock: expect.any(Number) });
      expect(await inspect("report")).toEqual({ ok: expect.stringMatching(to === "lovage" ? /lovage/i : /celery:5/) });
      // Debian's Python has no psutil, without which Celery cannot tell.
      expect(await inspect("memsample")).toEqual(to === "lovage" ? expect.stringMatching(/^[\d.]+MB$/) : null);
    });

    test("stats tells its process, its pool, its broker and what it has done", async () => {
      await pair().clients[from].call({ name: `${prefix}.add`, args: [1, 2] });
      expect(await inspect("stats")).toMatchObject({
        pid: pair().workers[to].child.pid,
        clock: expect.stringMatching(/^\d+$/),
        uptime: expect.any(Number),
        pool: { "max-concurrency": SLOTS, processes: expect.any(Array) },
        broker: { hostname: "127.0.0.1", transport: expect.stringMatching(/^(redis|amqp)$/) },
        prefetch_count: expect.any(Number),
        total: { [`${prefix}.add`]: expect.any(Number) },
        rusage: { maxrss: expect.any(Number) },
      });
    });

    test("registered, active_queues and conf tell what it is set up for", async () => {
      expect(await inspect("registered")).toEqual(expect.arrayContaining([`${prefix}.add`, "mixed.record"]));
      const queues = [
        expect.objectContaining({ name: prefix, routing_key: prefix, durable: true, exchange: expect.anything() }),
        expect.objectContaining({ name: "mixed" }),
      ];
      expect(await inspect("active_queues")).toEqual(expect.arrayContaining(queues));
      expect(await inspect("conf")).toMatchObject({ task_default_queue: prefix });
    });

    test("active, reserved and query_task tell what it has in hand", async () => {
      const { stage, clients } = pair();
      const path = stage.path();
      const call = { name: `${prefix}.hold`, args: [path] };
      const held = await clients[from].sendMany(Array.from({ length: SLOTS }, () => call));
      await untilLines(`${path}.began`, SLOTS);
      const waiting = await clients[from].send({ name: `${prefix}.add`, args: [1, 2] });
      const info = { name: `${prefix}.hold`, type: `${prefix}.hold`, hostname: node, args: [path], kwargs: {} };
      const running = { ...info, time_start: expect.any(Number), worker_pid: expect.any(Number) };
      const delivery_info = expect.objectContaining({ exchange: "", routing_key: prefix });
      expect(await inspect("active")).toEqual(
        expect.arrayContaining(held.map((id) => expect.objectContaining({ id, ...running, delivery_info }))),
      );
      expect(await untilListed("reserved", ({ id }) => id === waiting)).toMatchObject({
        name: `${prefix}.add`,
        args: [1, 2],
      });
      const [first = ""] = held;
      expect(await inspect("query_task", first, waiting)).toMatchObject({
        [first]: ["active", { id: first }],
        [waiting]: ["reserved", { id: waiting }],
      });
      writeFileSync(path, "");
      expect(await clients[from].get(waiting)).toEqual({ state: "SUCCESS", value: 3 });
    });

    test("scheduled tells what waits for its time, and revoked what will not be run", async () => {
      // Sent by Python, which leaves waiting to the worker that takes it.
      const client = pair().clients.python;
      const id = await client.send({ name: `${prefix}.add`, args: [1, 2], countdown: 600 });
      // Our workers put it back into the broker until then, and RabbitMQ does not let one look at what it delays.
      if (to === "python" || pair().transport.broker === "redis") {
        const entry = await untilListed("scheduled", (each) => isFields(each.request) && each.request.id === id);
        expect(entry).toMatchObject({ eta: expect.any(String), request: { id, name: `${prefix}.add` } });
      } else expect(await inspect("scheduled")).toEqual([]);
      await client.revoke(id, node, { terminate: false });
      expect(await inspect("revoked")).toContain(id);
    });

    /** Asks again until the list has what is meant: a message takes its time to get to the worker. */
    async function untilListed(command: string, isMeant: (entry: Fields) => boolean): Promise<Fields | undefined> {
      const deadline = performance.now() + 10_000;
      for (;;) {
        const listed = await inspect(command);
        const found = Array.isArray(listed) ? listed.find((each) => isFields(each) && isMeant(each)) : undefined;
        if (found || performance.now() > deadline) return found;
      }
    }
  });
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
