import { expect, test } from "vitest";
import type { QueueSpec } from "../../../src/brokers/broker.js";
import { queueFrom } from "../../../src/worker/pools/gateway-calls.js";

const WHOLE: Required<QueueSpec> = {
  name: "images",
  exchange: { name: "media", type: "topic" },
  routingKey: "media.#",
  maxPriority: 9,
  priorityOrder: "celery",
  type: "quorum",
};

test("a queue that a child's task declares reaches the worker with every property", () => {
  expect(queueFrom(JSON.parse(JSON.stringify(WHOLE)))).toEqual(WHOLE);
  expect(queueFrom({ name: "plain" })).toEqual({ name: "plain" });
});

test.for([{ type: "fast" }, { priorityOrder: "up" }, { exchange: { name: "e", type: "none" } }])(
  "a queue with %j is refused by name",
  (wrong) => {
    expect(() => queueFrom({ name: "q", ...wrong })).toThrow(/expected one of/);
  },
);
