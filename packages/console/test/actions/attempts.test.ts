import { describe, expect, test } from "vitest";
import { attemptsOf } from "../../src/server/actions/attempts.js";
import type { StoredEvent } from "../../src/server/store/task-record.js";

const BASE = Date.UTC(2026, 0, 31, 10, 0, 0);

function event(type: string, second: number, attempt: number, fields: object = {}, worker = "w1@host"): StoredEvent {
  return {
    taskId: "t",
    type,
    atMs: BASE + second * 1000,
    worker,
    clock: second,
    attempt,
    fieldsJson: JSON.stringify(fields),
  };
}
const at = (second: number): string => new Date(BASE + second * 1000).toISOString();

describe("the attempts of a task", () => {
  test("there is none while a task was only sent", () => {
    expect(attemptsOf([event("task-sent", 0, 1, {}, "gen1@host")])).toEqual([]);
  });

  test("a try ends as retried although the next was received before that was told, as Celery does it", () => {
    const attempts = attemptsOf(
      [
        event("task-received", 1, 1),
        event("task-started", 2, 1),
        event("task-received", 3, 2, { retries: 1, eta: at(5) }),
        event("task-retried", 4, 2, { exception: "OSError('supplier is away')" }),
        event("task-started", 5, 2),
        event("task-succeeded", 6, 2, { runtime: 1 }),
      ],
      "SUCCESS",
    );
    expect(attempts).toMatchObject([
      { number: 1, state: "RETRY", ended: at(4), error: "OSError('supplier is away')", redelivered: false },
      { number: 2, state: "SUCCESS", received: at(3), started: at(5), ended: at(6), error: null, redelivered: false },
    ]);
  });

  test("a retried task has one attempt for each try, with its error and the instant of the next", () => {
    const attempts = attemptsOf(
      [
        event("task-sent", 0, 1, {}, "gen1@host"),
        event("task-received", 1, 1, { lovage: { deliveries: 1 } }),
        event("task-started", 2, 1),
        event("task-retried", 3, 1, { exception: "Error('no')", lovage: { eta: at(13) } }),
        event("task-received", 13, 2, {}, "w2@host"),
        event("task-started", 14, 2, {}, "w2@host"),
        event("task-succeeded", 16, 2, { runtime: 1.5 }, "w2@host"),
      ],
      "SUCCESS",
    );

    expect(attempts).toEqual([
      {
        number: 1,
        worker: "w1@host",
        received: at(1),
        started: at(2),
        ended: at(3),
        runtime: 1,
        state: "RETRY",
        error: "Error('no')",
        nextAt: at(13),
        redelivered: false,
      },
      {
        number: 2,
        worker: "w2@host",
        received: at(13),
        started: at(14),
        ended: at(16),
        runtime: 1.5,
        state: "SUCCESS",
        error: null,
        nextAt: null,
        redelivered: false,
      },
    ]);
  });

  test("a try whose worker vanished is lost, and the one after it redelivered", () => {
    const [first, second] = attemptsOf(
      [
        event("task-received", 1, 1),
        event("task-started", 2, 1),
        event("task-received", 20, 2, {}, "w2@host"),
        event("task-started", 21, 2, {}, "w2@host"),
      ],
      "STARTED",
    );

    expect(first).toMatchObject({ state: "LOST", ended: null });
    expect(second).toMatchObject({ state: "STARTED", redelivered: true, worker: "w2@host" });
  });

  test("the last try is lost where the task is", () => {
    const events = [event("task-received", 1, 1), event("task-started", 2, 1)];
    expect(attemptsOf(events, "LOST")).toMatchObject([{ state: "LOST" }]);
    expect(attemptsOf(events, "STARTED")).toMatchObject([{ state: "STARTED" }]);
  });

  test("events that come in another order give the same attempts", () => {
    const events = [
      event("task-received", 1, 1),
      event("task-started", 2, 1),
      event("task-retried", 3, 1),
      event("task-received", 4, 2),
      event("task-failed", 5, 2, { exception: "Error('x')" }),
    ];
    expect(attemptsOf([...events].reverse(), "FAILURE")).toEqual(attemptsOf(events, "FAILURE"));
  });

  test("members that are not what they should be do no harm", () => {
    const events = [
      { ...event("task-received", 1, 1), fieldsJson: "no json" },
      event("task-started", 2, 1, { lovage: "text" }),
      event("task-retried", 3, 1, { exception: 7, runtime: "long", lovage: { eta: "tomorrow" } }),
    ];
    expect(attemptsOf(events, "RETRY")).toMatchObject([{ state: "RETRY", error: null, nextAt: null, runtime: 1 }]);
  });
});
