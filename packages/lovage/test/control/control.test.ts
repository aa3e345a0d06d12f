import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Subscription } from "../../src/brokers/broker.js";
import { Control } from "../../src/control/control.js";
import { Lovage } from "../../src/index.js";
import { type ControlRequest, decodeControlRequest, encodeControlReply } from "../../src/protocol/control.js";
import type { Message } from "../../src/protocol/message.js";

let app: Lovage;
let control: Control;

beforeAll(() => {
  app = new Lovage("control-client", { brokerUrl: "memory://", resultBackend: null });
  control = new Control(app);
});
afterAll(async () => {
  await app.close();
});

/** Plays workers: each request is answered by what `answer` makes of it, under the node's name. */
async function workers(answer: (request: ControlRequest) => readonly Message[]): Promise<Subscription> {
  const { broadcast } = await app.direct.broker();
  return await broadcast.subscribe("control", "", (message) => {
    const request = decodeControlRequest(message);
    const { replyTo } = request;
    if (replyTo) for (const reply of answer(request)) void broadcast.publish("replies", replyTo.routing_key, reply);
  });
}

function reply(hostname: string, value: unknown, { ticket }: ControlRequest): Message {
  return encodeControlReply({ hostname, value, ticket, clock: 1 });
}

describe("Control", () => {
  test("resolves with nothing when no worker answers, after its timeout", async () => {
    const before = performance.now();
    expect(await control.ping({ timeout: 0.1 })).toEqual([]);
    expect(performance.now() - before).toBeGreaterThan(90);
  });

  test("gathers the answers of all workers until its timeout", async () => {
    const playing = await workers((request) => [
      reply("b@x", { ok: "pong" }, request),
      reply("a@x", { ok: "pong" }, request),
    ]);
    expect(await control.ping({ timeout: 0.1 })).toEqual(["a@x", "b@x"]);
    await playing.cancel();
  });

  test("waits no longer than for those it asked", async () => {
    const playing = await workers((request) => [reply("a@x", { ok: "pong" }, request)]);
    expect(await control.ping({ timeout: 3600, destination: ["a@x"] })).toEqual(["a@x"]);
    expect(await control.ping({ timeout: 3600, limit: 1 })).toEqual(["a@x"]);
    await playing.cancel();
  });

  test("asks everybody, and waits no longer than for those it expects", async () => {
    const destinations: unknown[] = [];
    const playing = await workers((request) => {
      destinations.push(request.destination);
      return [reply("stranger@x", { ok: "pong" }, request), reply("a@x", { ok: "pong" }, request)];
    });
    expect(await control.ping({ timeout: 3600, expected: ["a@x"] })).toEqual(["a@x", "stranger@x"]);
    expect(await control.ping({ timeout: 0.1, expected: ["a@x", "away@x"] })).toEqual(["a@x", "stranger@x"]);
    expect(destinations).toEqual([null, null]);
    await playing.cancel();
  });

  test("ends with what has come when its signal aborts", async () => {
    const playing = await workers((request) => [reply("a@x", { ok: "pong" }, request)]);
    expect(await control.ping({ timeout: 3600, signal: AbortSignal.timeout(200) })).toEqual(["a@x"]);
    expect(await control.ping({ timeout: 3600, signal: AbortSignal.abort() })).toEqual([]);
    await playing.cancel();
  });

  test("passes over answers to others, and what is no answer", async () => {
    const playing = await workers((request) => [
      reply("late@x", { ok: "pong" }, { ...request, ticket: "another" }),
      { ...reply("bad@x", {}, request), body: Buffer.from("{") },
      reply("a@x", { ok: "pong" }, request),
    ]);
    expect(await control.ping({ timeout: 3600, limit: 1 })).toEqual(["a@x"]);
    await playing.cancel();
  });

  test("keeps refusals and answers of another form apart from answers", async () => {
    const playing = await workers((request) => [
      reply("a@x", [{ id: "1", name: "t", args: [1], delivery_info: { routing_key: "q" }, time_start: 10.5 }], request),
      reply("b@x", { error: "KeyError('active')" }, request),
      reply("c@x", "nonsense", request),
    ]);
    const { answers, errors } = await control.inspect.active({ timeout: 3600, limit: 3 });
    expect([...answers]).toMatchObject([["a@x", [{ id: "1", routingKey: "q", started: new Date(10_500) }]]]);
    expect([...errors.keys()]).toEqual(["b@x", "c@x"]);
    expect(errors.get("b@x")).toBe("KeyError('active')");
    await playing.cancel();
  });

  test("sends what Celery's own client sends", async () => {
    const seen: ControlRequest[] = [];
    const playing = await workers((request) => {
      seen.push(request);
      return [reply("a@x", { ok: "done" }, request)];
    });
    const one = { timeout: 3600, limit: 1 };
    await control.rateLimit("t", "10/m", one);
    await control.timeLimit("t", { soft: 60, hard: 120 }, one);
    await control.addConsumer("q", {}, one);
    const { answers } = await control.autoscale({ max: 4, min: 1 }, one);
    expect([...answers]).toEqual([["a@x", "done"]]);
    expect(seen.map(({ method, arguments: args }) => [method, args])).toEqual([
      ["rate_limit", { task_name: "t", rate_limit: "10/m" }],
      ["time_limit", { task_name: "t", hard: 120, soft: 60 }],
      ["add_consumer", { queue: "q", exchange: null, exchange_type: "direct", routing_key: null }],
      ["autoscale", { max: 4, min: 1 }],
    ]);
    await playing.cancel();
  });

  test("leaves nothing behind", async () => {
    const { broadcast } = await app.direct.broker();
    const mailboxes: string[] = [];
    const playing = await workers((request) => {
      mailboxes.push(String(request.replyTo?.routing_key));
      return [reply("a@x", { ok: "pong" }, request)];
    });
    await control.ping({ timeout: 3600, limit: 1 });
    // A late answer has nobody to go to, which is no error.
    await broadcast.publish(
      "replies",
      String(mailboxes[0]),
      encodeControlReply({ hostname: "b@x", value: 1, ticket: "t", clock: 1 }),
    );
    await playing.cancel();
  });
});
