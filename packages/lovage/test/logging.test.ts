import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createLogger } from "../src/logging.js";

/** A destination that keeps what is written. */
class Sink extends Writable {
  text = "";
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

describe("createLogger", () => {
  test("writes JSON lines where there is no terminal", () => {
    const destination = new Sink();
    const log = createLogger({ destination });
    log.info("hello", { task: "1", n: 2 });
    log.debug("not at this level");
    const record: unknown = JSON.parse(destination.text);
    expect(record).toEqual({ level: "info", time: expect.stringMatching(/^\d{4}-/), msg: "hello", task: "1", n: 2 });
  });

  test("masks secrets in fields and in URLs", () => {
    const destination = new Sink();
    const log = createLogger({ destination });
    log.error("lost redis://me:hunter2@host/0", {
      password: "hunter2",
      deep: { apiKey: "hunter2", url: "amqp://a:hunter2@b" },
    });
    expect(destination.text).not.toContain("hunter2");
    expect(destination.text).toContain("redis://me:********@host/0");
  });

  test("writes Celery's line for people, with a traceback below", () => {
    const destination = new Sink();
    const log = createLogger({ destination, pretty: true, level: "debug" });
    log.error("task t failed", { task: "1", words: "a b", traceback: "Error: no\n    at x" });
    expect(destination.text).toMatch(
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: ERROR\] task t failed task=1 words="a b"\nError: no\n {4}at x\n$/,
    );
  });

  test("keeps what tasks log from steering the terminal", () => {
    const destination = new Sink();
    createLogger({ destination, pretty: true }).info("red \u001b[31m");
    expect(destination.text).toContain("red \\u001b[31m");
  });

  test("colours lines only when told so", () => {
    const plain = new Sink();
    const colored = new Sink();
    createLogger({ destination: plain, pretty: true }).warn("x");
    createLogger({ destination: colored, pretty: true, colors: true }).warn("x");
    expect(plain.text).not.toContain("\u001b");
    expect(colored.text).toContain("\u001b[33m");
  });
});
