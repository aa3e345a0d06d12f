import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { StopSignals } from "../src/stop-signals.js";

function setUp() {
  const source = new EventEmitter();
  let nowMs = 0;
  const signals = new StopSignals(source, () => nowMs);
  return { source, signals, pass: (ms: number) => (nowMs += ms) };
}

test("the first signal asks to end in good order and sets the exit code", () => {
  const { source, signals } = setUp();
  expect(signals.exitCode).toBeUndefined();
  source.emit("SIGTERM", "SIGTERM");
  expect([signals.first.aborted, signals.second.aborted, signals.exitCode]).toEqual([true, false, 143]);
});

test("a Ctrl-C that npm hands on again is not taken for a second one", () => {
  const { source, signals, pass } = setUp();
  source.emit("SIGINT", "SIGINT");
  pass(300);
  source.emit("SIGINT", "SIGINT");
  expect(signals.second.aborted).toBe(false);
  pass(1000);
  source.emit("SIGINT", "SIGINT");
  expect([signals.second.aborted, signals.exitCode]).toEqual([true, 130]);
});

test("after it was closed, signals do what they do by default", () => {
  const { source, signals } = setUp();
  signals.close();
  expect(source.listenerCount("SIGINT") + source.listenerCount("SIGTERM")).toBe(0);
});
