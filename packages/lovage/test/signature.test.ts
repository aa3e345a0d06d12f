import { afterAll, describe, expect, test } from "vitest";
import { Lovage } from "../src/index.js";
import { parseSignature } from "../src/protocol/signature.js";
import { callFromData } from "../src/signature.js";

const app = new Lovage("signatures", { brokerUrl: "memory://", resultBackend: "memory://" });
const add = app.task("add", (x: number, y: number) => x + y);
afterAll(() => app.close());

describe("a signature", () => {
  test("comes back from the wire with every option it left with", () => {
    const eta = new Date("2026-01-02T03:04:05.678Z");
    const signature = add
      .s(3)
      .set({
        queue: "q",
        priority: 4,
        eta,
        expires: 60,
        headers: { a: 1 },
        timeLimit: 5,
        softTimeLimit: 4,
        shadow: "s",
      })
      .set({ taskId: "id-1", ignoreResult: true, exchange: "e", routingKey: "k" })
      .link(add.s(1))
      .linkError(add.si(0, 0));

    const call = callFromData(parseSignature(JSON.parse(JSON.stringify(signature.toData()))), [2]);

    expect(call).toMatchObject({ name: "add", args: [2, 3], kwargs: {} });
    expect(call.options).toEqual({
      queue: "q",
      priority: 4,
      eta,
      expires: 60,
      headers: { a: 1 },
      timeLimit: 5,
      softTimeLimit: 4,
      shadow: "s",
      taskId: "id-1",
      ignoreResult: true,
      exchange: "e",
      routingKey: "k",
      link: [add.s(1).toData()],
      linkError: [add.si(0, 0).toData()],
    });
  });

  test("ignores its caller's arguments when it is immutable", () => {
    expect(callFromData(add.si(1, 2).toData(), ["result"]).args).toEqual([1, 2]);
  });

  test("off the wire leaves out options that are not what they should be", () => {
    const data = parseSignature({
      task: "add",
      options: { queue: 7, priority: "high", eta: "soon", expires: [], link: "x", headers: [] },
    });
    expect(callFromData(data, []).options).toEqual({});
  });

  test("is not changed by what is made from it", () => {
    const signature = add.s(1);
    signature.set({ queue: "q" }).link(add.s(1));
    expect(signature.toData().options).toEqual({});
  });
});
