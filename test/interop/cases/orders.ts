import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Language, LOVAGE_NODE, type Pair, PYTHON_NODE, SLOTS, untilLines } from "../support/pair.js";
import { remoteControl } from "../support/remote-control.js";

const NODES = { lovage: LOVAGE_NODE, python: PYTHON_NODE } as const;
const PREFIXES = { lovage: "js", python: "py" } as const;

/** What was ordered takes its time to happen. Milliseconds. */
const PATIENTLY = { timeout: 20_000 } as const;

/** `control` of one language's command line orders a worker of the other. What is changed is changed back. */
export function describeOrders(from: Language, to: Language, pair: () => Pair): void {
  const node = NODES[to];
  const prefix = PREFIXES[to];
  const control = async (command: string, ...args: readonly string[]): Promise<unknown> =>
    await remoteControl(pair(), from, node, "control", command, ...args);
  const inspect = async (command: string): Promise<unknown> =>
    await remoteControl(pair(), from, node, "inspect", command);

  /** How many its pool has. */
  const processes = async (): Promise<number> => {
    const { pool } = { pool: {}, ...Object(await inspect("stats")) };
    return Array.isArray(pool.processes) ? pool.processes.length : 0;
  };

  describe(`${from}'s control and a ${to} worker`, () => {
    test("rate_limit and time_limit set the limits of a task it knows", async () => {
      expect(await control("rate_limit", `${prefix}.add`, "1000/s")).toEqual({ ok: "new rate limit set successfully" });
      expect(await pair().clients[from].call({ name: `${prefix}.add`, args: [1, 2] })).toMatchObject({ value: 3 });
      expect(await control("rate_limit", `${prefix}.add`, "0")).toEqual({ ok: "rate limit disabled successfully" });
      expect(await control("rate_limit", "no.such", "1/s")).toEqual({ error: "unknown task" });
      expect(await control("rate_limit", `${prefix}.add`, "often")).toEqual({
        error: expect.stringContaining("Invalid rate limit string"),
      });

      // Soft first on both command lines.
      expect(await control("time_limit", `${prefix}.tidy`, "1", "200")).toEqual({ ok: "time limits set successfully" });
      // Celery 5.2 says so and goes on with the limits it began with.
      if (to === "python") return;
      const tidied = await pair().clients[from].call({ name: `${prefix}.tidy`, args: [pair().stage.path()] });
      expect(tidied).toEqual({ state: "SUCCESS", value: "tidied up" });
    });

    test("pool_grow and pool_shrink change its size", async () => {
      const { clients } = pair();
      expect(await control("pool_grow", "1")).toEqual({ ok: "pool will grow" });
      await expect.poll(processes, PATIENTLY).toBe(SLOTS + 1);
      expect(await control("pool_shrink", "1")).toEqual({ ok: "pool will shrink" });
      await expect.poll(processes, PATIENTLY).toBe(SLOTS);
      expect(await clients[from].call({ name: `${prefix}.add`, args: [1, 2] })).toMatchObject({ value: 3 });
    });

    test("autoscale and pool_restart are answered, refused where they are not set up", async () => {
      expect(await control("autoscale", "4", "1")).toEqual({ error: "ValueError('Autoscale not enabled')" });
      expect(await control("pool_restart")).toEqual(
        to === "lovage" ? { ok: "reload started" } : { error: "ValueError('Pool restarts not enabled')" },
      );
      expect(await pair().clients[from].call({ name: `${prefix}.add`, args: [1, 2] })).toMatchObject({ value: 3 });
    });

    test("add_consumer and cancel_consumer change the queues it takes from", async () => {
      const { stage, clients } = pair();
      const queue = `extra-${from}`;
      const path = stage.path();
      expect(await control("add_consumer", queue)).toEqual({ ok: `add consumer ${queue}` });
      expect(await inspect("active_queues")).toContainEqual(expect.objectContaining({ name: queue }));
      await clients[from].send({ name: `${prefix}.record`, args: ["ran", path], queue });
      expect(await untilLines(path, 1)).toEqual(["ran"]);
      expect(await control("cancel_consumer", queue)).toEqual({ ok: `no longer consuming from ${queue}` });
      await expect
        .poll(() => inspect("active_queues"), PATIENTLY)
        .not.toContainEqual(expect.objectContaining({ name: queue }));
    });

    test("enable_events, disable_events and heartbeat are answered", async () => {
      expect(await control("enable_events")).toEqual({ ok: "task events enabled" });
      expect(await control("enable_events")).toEqual({ ok: "task events already enabled" });
      expect(await control("disable_events")).toEqual({ ok: "task events disabled" });
      expect(await control("disable_events")).toEqual({ ok: "task events already disabled" });
      expect(await control("heartbeat")).toBe(null);
    });

    test("revoke and terminate name the tasks", async () => {
      const { stage, clients } = pair();
      expect(await control("revoke", "no-such-id", "nor-such")).toEqual({
        ok: expect.stringMatching(/no-such-id.*flagged as revoked/),
      });
      const path = stage.path();
      const id = await clients[from].send({ name: `${prefix}.spin`, args: [path] });
      await untilLines(path, 1);
      expect(await control("terminate", "SIGKILL", id)).toEqual({ ok: expect.stringContaining("terminate: ") });
      expect(await clients[from].get(id)).toMatchObject({ state: "REVOKED", error: { args: ["terminated"] } });
    });

    test.runIf(from === "python")(
      "an order it does not know is refused by name, an election left to Python's",
      async () => {
        const { python } = pair();
        expect(await python.control("no_such_order", {}, [node])).toEqual({
          [node]: { error: "KeyError('no_such_order')" },
        });
        // Only ever sent to all. Among Python workers it is a race that Celery 5.2 can lose with an IndexError, so not here.
        const order = { id: randomUUID(), topic: "task", action: null };
        expect(await python.control("election", order, [node], 0.2)).toEqual({});
        expect(await inspect("ping")).toEqual({ ok: "pong" });
      },
    );

    test("shutdown ends a worker as SIGTERM does", async () => {
      const { stage } = pair();
      const name = `short-lived-${from}@interop`;
      const worker =
        to === "lovage"
          ? await stage.lovageWorker(name, "-Q", "nothing", "--pool", "solo")
          : await stage.pythonWorker(name, "-Q", "py", "--pool", "solo", "--without-mingle", "--without-gossip");
      // Nobody answers: both command lines say so in their own way.
      if (from === "python")
        await pair().python.command("control", "--destination", name, "--timeout", "0.1", "shutdown");
      else await stage.lovage("control", "shutdown", "--destination", name);
      await worker.ended;
      expect(worker.child.exitCode).toBe(0);
    });
  });
}
