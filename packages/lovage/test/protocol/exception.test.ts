import { describe, expect, test } from "vitest";
import * as errors from "../../src/errors.js";
import { errorFromInfo, exceptionInfo, reprException, tracebackOf } from "../../src/protocol/exception.js";

describe("an error as data", () => {
  test("of JavaScript's own is named in a module that Python cannot have", () => {
    expect(exceptionInfo(new TypeError("boom"))).toEqual({
      exc_type: "TypeError",
      exc_message: ["boom"],
      exc_module: "lovage.errors",
    });
  });

  test.each([
    [new errors.TaskRevokedError("terminated"), "celery.exceptions", ["terminated"]],
    [new errors.NotRegistered("proj.nope"), "celery.exceptions", ["proj.nope"]],
    [new errors.MaxRetriesExceededError("Can't retry"), "celery.exceptions", ["Can't retry"]],
    [new errors.ChordError("x"), "celery.exceptions", ["x"]],
    [new errors.SoftTimeLimitExceeded(), "billiard.exceptions", []],
    [new errors.TimeLimitExceeded("1"), "billiard.exceptions", [1]],
    [new errors.WorkerLostError("Worker exited"), "billiard.exceptions", ["Worker exited"]],
    [new errors.EncodeError("x"), "kombu.exceptions", ["x"]],
  ])("that Celery has too carries Celery's name: %s", (error, module, args) => {
    const info = exceptionInfo(error);
    expect(info).toEqual({ exc_type: error.name, exc_message: args, exc_module: module });
    const back = errorFromInfo(info, "a stack");
    expect(back).toBeInstanceOf(error.constructor);
    expect(back.cause).toMatchObject({ excType: error.name, traceback: "a stack" });
  });

  test("of a class of the user's own has that class's name, also when it extends one of ours", () => {
    class CardDeclined extends errors.TaskError {}
    class Odd extends Error {
      override name = "Strange name!";
    }
    expect(exceptionInfo(new CardDeclined("no"))).toMatchObject({
      exc_type: "CardDeclined",
      exc_module: "lovage.errors",
    });
    expect(exceptionInfo(new Odd("no")).exc_type).toBe("Error");
  });

  test("keeps what is wrong with a task's input", () => {
    const issues = [{ path: "width", message: "too small" }];
    const back = errorFromInfo(exceptionInfo(new errors.ValidationError("bad input", { issues })), null);
    expect(back).toBeInstanceOf(errors.ValidationError);
    expect(back).toMatchObject({ message: "bad input", issues });
  });

  test("that came from elsewhere goes on as what it was", () => {
    const info = { exc_type: "ProjError", exc_message: ["a", 7], exc_module: "proj" };
    const failed = errorFromInfo(info, "Traceback …");
    expect(failed).toMatchObject({ name: "TaskFailedError", message: "ProjError: a, 7", traceback: "Traceback …" });
    expect(exceptionInfo(failed)).toEqual(info);
    expect(tracebackOf(failed)).toContain("Traceback …");
  });

  test("is never made by a name from outside", () => {
    for (const exc_type of ["constructor", "__proto__", "toString", "Function", "LovageError"]) {
      expect(errorFromInfo({ exc_type, exc_message: ["x"], exc_module: "lovage.errors" }, null).name).toBe(
        "TaskFailedError",
      );
    }
    expect(errorFromInfo({ exc_type: "ChordError", exc_message: [], exc_module: "os" }, null).name).toBe(
      "TaskFailedError",
    );
  });

  test("can be anything that was thrown", () => {
    expect(exceptionInfo("text")).toMatchObject({ exc_message: ["text"] });
    expect(exceptionInfo({ a: 1 })).toMatchObject({ exc_message: [{ a: 1 }] });
    expect(exceptionInfo(undefined)).toMatchObject({ exc_message: [null] });
    expect(exceptionInfo(() => 1)).toMatchObject({ exc_message: ["<function>"] });
    const hostile = new Error("x");
    Object.defineProperty(hostile, "message", {
      get: () => {
        throw new Error("never");
      },
    });
    expect(exceptionInfo(hostile).exc_type).toBe("Error");
    expect(tracebackOf(hostile)).toEqual(expect.any(String));
  });

  test("is bounded however large what was thrown is", () => {
    const huge = new Error("x".repeat(1_000_000));
    expect(JSON.stringify(exceptionInfo(huge)).length).toBeLessThan(20_000);
    expect(tracebackOf(huge).length).toBeLessThan(70_000);
    expect(reprException(exceptionInfo(huge)).length).toBeLessThan(20_000);
  });

  test("keeps its causes, also when they go round in circles", () => {
    const inner = new Error("inner");
    const outer = new Error("outer", { cause: inner });
    inner.cause = outer;
    const text = tracebackOf(outer);
    expect(text).toMatch(/Error: outer[\s\S]+Caused by: Error: inner/);
    expect(text.match(/Caused by/g)).toHaveLength(1);
  });

  test("is shown as Python shows it", () => {
    expect(reprException({ exc_type: "KeyError", exc_message: ["nope", 1, null], exc_module: null })).toBe(
      "KeyError('nope', 1, None)",
    );
  });
});
