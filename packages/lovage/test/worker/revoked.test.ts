import { describe, expect, test } from "vitest";
import { Revoked } from "../../src/worker/revoked.js";
import { HeldClock } from "../support/held-clock.js";

describe("the set of revoked ids", () => {
  test("knows what was added for three hours", async () => {
    const clock = new HeldClock();
    const revoked = new Revoked(clock);
    revoked.add("a");

    await clock.advance(10_799);
    expect(revoked.has("a")).toBe(true);
    await clock.advance(2);
    expect(revoked.has("a")).toBe(false);
    expect(revoked.list()).toEqual([]);
  });

  test("forgets the oldest beyond 50,000", () => {
    const revoked = new Revoked(new HeldClock());
    for (let index = 0; index <= 50_000; index++) revoked.add(`t${index}`);

    expect(revoked.has("t0")).toBe(false);
    expect(revoked.has("t1")).toBe(true);
    expect(revoked.list()).toHaveLength(50_000);
  });

  test("counts an id that is added again as new", async () => {
    const clock = new HeldClock();
    const revoked = new Revoked(clock);
    revoked.add("a");
    await clock.advance(10_000);
    revoked.add("a");
    await clock.advance(10_000);
    expect(revoked.has("a")).toBe(true);
  });
});
