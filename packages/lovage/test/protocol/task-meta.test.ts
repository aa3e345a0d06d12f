import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError, TaskFailedError, TaskRevokedError, TimeLimitExceeded } from "../../src/errors.js";
import { decodeJson } from "../../src/protocol/content.js";
import { parseInstant } from "../../src/protocol/instant.js";
import { RawJson } from "../../src/protocol/raw-json.js";
import {
  decodeGroupMeta,
  decodeTaskMeta,
  encodeGroupMeta,
  encodeTaskMeta,
  errorFromMeta,
  groupTuple,
  resultTuple,
  type TaskMeta,
} from "../../src/protocol/task-meta.js";
import { array, type Fields, haveVectors, object, vectorsOf } from "../support/vectors.js";

/** Every write of a task's meta in a capture. */
function storedTexts(file: string): { title: string; text: string }[] {
  return vectorsOf(file).flatMap(({ name, captured }) => {
    const final = Object.values(object(captured.final_meta_raw ?? {})).filter((text) => typeof text === "string");
    const writes = array(captured.backend_commands ?? []).map(array);
    const passing = writes
      .filter(([command, key]) => command === "SETEX" && String(key).startsWith("celery-task-meta-"))
      .map((write) => String(write[3]));
    return [...new Set([...final, ...passing])].map((text, index) => ({ title: `${name} #${index}`, text }));
  });
}

const META: TaskMeta = {
  taskId: "t",
  status: "SUCCESS",
  result: 1,
  traceback: null,
  children: [],
  dateDone: new Date(0),
};

describe.skipIf(!haveVectors).each(["results_redis_56.json", "results_redis_52.json"])("%s", (file) => {
  test.each(storedTexts(file))("$title is read, and written again field by field", ({ text }) => {
    const stored = object(decodeJson(text, { typedValues: false }));
    const again = encodeTaskMeta(decodeTaskMeta(text));
    expect(Object.keys(object(decodeJson(again)))).toEqual(Object.keys(stored));
    expect(coarse(object(decodeJson(again)))).toEqual(coarse(object(decodeJson(text))));
  });

  test.each(storedTexts(file).filter(({ text }) => /"(FAILURE|REVOKED|RETRY)"/.test(text)))(
    "$title becomes an error",
    ({ text }) => {
      const meta = decodeTaskMeta(text);
      const error = errorFromMeta(meta);
      const { exc_type } = object(meta.result);
      expect([error.name, error instanceof TaskFailedError ? error.excType : ""]).toContain(exc_type);
      const stored = error instanceof TaskFailedError ? error : error.cause;
      expect(stored).toMatchObject({ excType: exc_type, traceback: meta.traceback });
    },
  );
});

/** Microseconds do not survive; 5.2 writes no offset. */
function coarse({ date_done, ...rest }: Fields): Fields {
  return { ...rest, date_done: typeof date_done === "string" ? parseInstant(date_done).getTime() : null };
}

describe("a task's meta", () => {
  test("takes a result that is JSON already as it is", () => {
    expect(encodeTaskMeta({ ...META, result: new RawJson('{"a": [1]}') })).toContain('"result":{"a": [1]},');
  });

  test("says where a result cannot be written", () => {
    expect(() => encodeTaskMeta({ ...META, result: { rows: [Number.NaN] } })).toThrow(EncodeError);
    expect(() => encodeTaskMeta({ ...META, result: { rows: [Number.NaN] } })).toThrow("result.rows[0] is NaN");
  });

  test.each([
    ['{"status": "SUCCESS"}', "task_id"],
    ['{"task_id": "t"}', "status"],
    ["[]", "the task meta"],
    ["nope", "JSON"],
  ])("that is none (%s) is a DecodeError", (text, place) => {
    expect(() => decodeTaskMeta(text)).toThrow(DecodeError);
    expect(() => decodeTaskMeta(text)).toThrow(place);
  });

  test("of another make is read as far as it goes", () => {
    const text =
      '{"status": "FAILURE", "result": {"exc_type": "E", "exc_message": "boom"}, "date_done": "x", "future": 1}';
    expect(decodeTaskMeta(text, "t")).toEqual({
      taskId: "t",
      status: "FAILURE",
      result: { exc_type: "E", exc_message: ["boom"], exc_module: null },
      traceback: null,
      children: null,
      dateDone: null,
    });
  });

  test("of a failure without an error still throws something that says so", () => {
    expect(errorFromMeta({ ...META, status: "FAILURE", result: "it broke" }).message).toBe("Error: it broke");
    expect(errorFromMeta({ ...META, status: "REVOKED", result: null })).toBeInstanceOf(TaskRevokedError);
    const limit = { exc_type: "TimeLimitExceeded", exc_message: [1], exc_module: "billiard.exceptions" };
    expect(errorFromMeta({ ...META, status: "FAILURE", result: limit })).toBeInstanceOf(TimeLimitExceeded);
  });
});

test("a saved group is read as it was written", () => {
  const result = groupTuple("g", [resultTuple("a"), resultTuple("b", resultTuple("c"))]);
  expect(decodeGroupMeta(encodeGroupMeta({ groupId: "g", result }))).toEqual({ groupId: "g", result });
  expect(() => decodeGroupMeta('{"result": [["g"], [7]]}')).toThrow(DecodeError);
});
