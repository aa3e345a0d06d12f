import { describe, expect, test } from "vitest";
import { classify, type EndingRules } from "../src/outcome.js";
import { RawJson } from "../src/protocol/raw-json.js";
import type { Outcome, TaskRequest } from "../src/request.js";

const REQUEST: TaskRequest = {
  id: "id-1",
  name: "t",
  body: { args: [], kwargs: {} },
  retries: 0,
  deliveries: 1,
  fencingToken: 1,
  eta: null,
  expires: null,
  hostname: "w@h",
  queue: "q",
  rootId: "id-1",
  parentId: null,
  groupId: null,
  groupIndex: null,
  correlationId: "id-1",
  replyTo: null,
  origin: null,
  shadow: null,
  headers: {},
  timeLimit: null,
  softTimeLimit: null,
};
const RULES: EndingRules = {
  acksOnFailureOrTimeout: true,
  rejectOnWorkerLost: true,
  deliveriesUsedUp: false,
  revokeAsked: false,
};
const ERROR = {
  exception: { exc_type: "Error", exc_message: ["boom"], exc_module: "lovage.errors" },
  traceback: "Error: boom\n  at …",
};

const classified = (outcome: Outcome, rules: Partial<EndingRules> = {}) =>
  classify(outcome, REQUEST, { ...RULES, ...rules });

describe("what follows from a run's outcome", () => {
  test("success is stored as it was returned and acknowledged", () => {
    const ending = classified({ kind: "success", result: "[1]", children: [], runtime: 0.5 });
    expect(ending).toMatchObject({ state: "SUCCESS", message: { kind: "ack" }, runtime: 0.5 });
    expect(ending.result).toEqual(new RawJson("[1]"));
  });

  test("failure keeps the error and its trace and is acknowledged", () => {
    const ending = classified({ kind: "failure", error: ERROR, children: [], runtime: 0 });
    expect(ending).toMatchObject({
      state: "FAILURE",
      result: ERROR.exception,
      traceback: ERROR.traceback,
      message: { kind: "ack" },
    });
  });

  test("failure becomes a dead letter where failures are not to be acknowledged", () => {
    const ending = classified(
      { kind: "failure", error: ERROR, children: [], runtime: 0 },
      { acksOnFailureOrTimeout: false },
    );
    expect(ending).toMatchObject({ state: "FAILURE", message: { kind: "dead-letter", reason: "failed" } });
  });

  test("an error thrown in answer to a revoke means revoked", () => {
    const ending = classified({ kind: "failure", error: ERROR, children: [], runtime: 0 }, { revokeAsked: true });
    expect(ending).toMatchObject({
      state: "REVOKED",
      result: { exc_type: "TaskRevokedError", exc_message: ["terminated"] },
      message: { kind: "ack" },
    });
  });

  test("a retry carries its instant", () => {
    const eta = "2026-01-01T00:00:00.000Z";
    const ending = classified({ kind: "retry", plan: { eta }, error: ERROR, children: [], runtime: 0 });
    expect(ending).toMatchObject({ state: "RETRY", retryAt: new Date(eta), message: { kind: "ack" } });
  });

  test("the hard limit is a failure that names the limit", () => {
    const ending = classified({ kind: "time-limit", limit: 5, runtime: 5 });
    expect(ending).toMatchObject({
      state: "FAILURE",
      traceback: null,
      result: { exc_type: "TimeLimitExceeded", exc_module: "billiard.exceptions" },
    });
  });

  test("a task that was terminated is revoked", () => {
    expect(classified({ kind: "terminated", signal: "SIGTERM", runtime: 1 })).toMatchObject({
      state: "REVOKED",
      message: { kind: "ack" },
    });
  });

  test("a message whose process died goes back, and nothing is known of the run", () => {
    const lost = {
      kind: "lost",
      exitCode: null,
      signal: "SIGSEGV",
      memory: 1,
      lastError: "last words",
      runtime: 1,
    } as const;
    expect(classified(lost)).toMatchObject({ state: undefined, message: { kind: "requeue" } });
  });

  test("a message whose process died is a failure where it may not run again", () => {
    const lost = { kind: "lost", exitCode: 3, signal: null, memory: 1, lastError: "last words", runtime: 1 } as const;
    expect(classified(lost, { rejectOnWorkerLost: false })).toMatchObject({
      state: "FAILURE",
      result: { exc_type: "WorkerLostError", exc_message: ["Worker exited prematurely: exitcode 3 Job: id-1."] },
      message: { kind: "ack" },
    });
  });

  test("a message whose process died once too often is a failure and a dead letter", () => {
    const lost = {
      kind: "lost",
      exitCode: null,
      signal: "SIGKILL",
      memory: 1,
      lastError: "last words",
      runtime: 1,
    } as const;
    expect(classified(lost, { deliveriesUsedUp: true })).toMatchObject({
      state: "FAILURE",
      result: { exc_type: "WorkerLostError" },
      traceback: "last words",
      message: { kind: "dead-letter", reason: "deliveries_used_up" },
    });
  });

  test("a task whose process was ended on request is revoked, not lost", () => {
    const lost = {
      kind: "lost",
      exitCode: null,
      signal: "SIGTERM",
      memory: 1,
      lastError: "last words",
      runtime: 1,
    } as const;
    expect(classified(lost, { revokeAsked: true })).toMatchObject({ state: "REVOKED", message: { kind: "ack" } });
  });

  test("a run that was given back goes back", () => {
    expect(classified({ kind: "given-back", reason: "cold shutdown", runtime: 1 })).toMatchObject({
      state: undefined,
      message: { kind: "requeue" },
    });
  });

  test("a task that ignores its result leaves none and is acknowledged", () => {
    expect(classified({ kind: "ignore", children: [], runtime: 1 })).toMatchObject({
      state: "IGNORED",
      result: null,
      message: { kind: "ack" },
    });
  });

  test("a task that rejects its message sends it back or to the dead letters", () => {
    const reject = { kind: "reject", reason: "not mine", children: [], runtime: 1 } as const;
    expect(classified({ ...reject, requeue: true })).toMatchObject({ state: undefined, message: { kind: "requeue" } });
    expect(classified({ ...reject, requeue: false })).toMatchObject({
      state: "REJECTED",
      message: { kind: "dead-letter", reason: "rejected" },
    });
  });
});
