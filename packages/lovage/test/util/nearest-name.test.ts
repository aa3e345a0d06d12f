import { expect, test } from "vitest";
import { nearestName } from "../../src/util/nearest-name.js";

const NAMES = ["brokerUrl", "taskRoutes", "taskQueues", "workerPool"];

test.each([
  ["brokerUlr", "brokerUrl"],
  ["broker_url", "brokerUrl"],
  ["BROKERURL", "brokerUrl"],
  ["taskRoute", "taskRoutes"],
  ["task_queues", "taskQueues"],
])("%s is taken for %s", (written, meant) => {
  expect(nearestName(written, NAMES)).toBe(meant);
});

test("what is like nothing is taken for nothing", () => {
  expect(nearestName("xyzzy", NAMES)).toBeUndefined();
  expect(nearestName("", NAMES)).toBeUndefined();
  expect(nearestName("brokerUrl", [])).toBeUndefined();
});

test("no more slips are forgiven than asked for", () => {
  expect(nearestName("brokrUl", NAMES, 2)).toBe("brokerUrl");
  expect(nearestName("brokrUl", NAMES, 1)).toBeUndefined();
});
