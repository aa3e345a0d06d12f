import { describe, expect, test } from "vitest";
import type { ActionOutcome } from "../../src/api/common.js";
import { endedOutcome, idsInAnswer, revokedOutcome, sortAnswers } from "../../src/server/actions/control-replies.js";

const done = (target: string, detail = "ok"): ActionOutcome => ({ target, outcome: "done", detail });
const refused = (target: string, detail: string): ActionOutcome => ({ target, outcome: "refused", detail });
const silent = (target: string): ActionOutcome => ({ target, outcome: "no-answer", detail: "no answer" });
const revoked = (holder: string | null, ...replies: ActionOutcome[]): ActionOutcome =>
  revokedOutcome("t1", holder, sortAnswers(replies));
const ended = (holder: string | null, ...replies: ActionOutcome[]): ActionOutcome =>
  endedOutcome("t1", holder, replies, (worker) => `${worker} ends it`);

describe("what workers answer", () => {
  test("ids are read whole, so that one that is part of another is not taken for it", () => {
    expect([...idsInAnswer("terminate: t1, t10")]).toEqual(["t1", "t10"]);
    expect(idsInAnswer("terminate: t10").has("t1")).toBe(false);
    expect(idsInAnswer("abort: tasks unknown").size).toBe(0);
    expect(idsInAnswer("tasks {'t1'} flagged as revoked").size).toBe(0);
  });

  test("a revoke is done when any worker took it, and says who stayed silent", () => {
    expect(revoked(null, done("a"), silent("b"))).toEqual({
      target: "t1",
      outcome: "done",
      detail: "a will not run it; no answer from b",
    });
  });

  test("a revoke is not done while the worker that has the task is silent", () => {
    expect(revoked("b", done("a"), silent("b")).outcome).toBe("no-answer");
  });

  test("nothing is done where the worker that has the task is not among those that answered", () => {
    const unheard = { target: "t1", outcome: "no-answer" };
    expect(revoked("b", done("a"))).toMatchObject({ ...unheard, detail: "b, which has it, did not answer" });
    expect(ended("b", done("a", "terminate: tasks unknown"))).toMatchObject({
      ...unheard,
      detail: "b, which runs it, did not answer",
    });
    expect(ended("b", refused("a", "busy"), silent("b"))).toMatchObject(unheard);
  });

  test("with no worker there a revoke has reached nobody", () => {
    expect(revoked(null)).toEqual({
      target: "t1",
      outcome: "no-answer",
      detail: "no worker is there to hear it: one that starts later will run it",
    });
  });

  test("many workers are named by three and a number", () => {
    expect(revoked(null, done("a"), done("b"), done("c"), done("d"), done("e")).detail).toBe(
      "a, b, c and 2 more will not run it",
    );
  });

  test("ending is done where a worker names the task", () => {
    expect(ended("a", done("b", "terminate: tasks unknown"), done("a", "terminate: t1"))).toEqual({
      target: "t1",
      outcome: "done",
      detail: "a: a ends it",
    });
  });

  test("ending is refused in the words of the worker that runs the task", () => {
    const outcome = ended("a", refused("a", "NotImplementedError('kill_job')"), done("b", "terminate: tasks unknown"));
    expect(outcome).toEqual({ target: "t1", outcome: "refused", detail: "a: NotImplementedError('kill_job')" });
  });

  test("ending has no answer where the worker that runs the task is silent", () => {
    expect(ended("a", silent("a"), done("b", "terminate: tasks unknown")).outcome).toBe("no-answer");
    expect(ended(null).outcome).toBe("no-answer");
  });

  test("ending is refused where nobody that answered runs the task", () => {
    expect(ended(null, done("a", "abort: tasks unknown")).outcome).toBe("refused");
  });
});
