import { describe, expect, test } from "vitest";
import { RateLimiter } from "../../src/worker/rate-limiter.js";
import { HeldClock } from "../support/held-clock.js";

function limiter(perSecond: number) {
  const clock = new HeldClock();
  const limiter = new RateLimiter(clock);
  limiter.setRate("t", perSecond);
  const gone: string[] = [];
  return { clock, limiter, gone, queue: (name: string) => limiter.queue("t", () => gone.push(name)) };
}

describe("a rate limit", () => {
  test("lets the first task go at once and the next ones evenly after it", async () => {
    const { clock, gone, queue } = limiter(2);
    for (const name of ["a", "b", "c"]) queue(name);

    await clock.advance(0);
    expect(gone).toEqual(["a"]);
    await clock.advance(0.49);
    expect(gone).toEqual(["a"]);
    await clock.advance(0.02);
    expect(gone).toEqual(["a", "b"]);
    await clock.advance(0.5);
    expect(gone).toEqual(["a", "b", "c"]);
  });

  test("allows no burst after an idle time", async () => {
    const { clock, gone, queue } = limiter(1);
    await clock.advance(3600);
    for (const name of ["a", "b", "c"]) queue(name);

    await clock.advance(0.5);

    expect(gone).toEqual(["a"]);
  });

  test("passes over one that gave up its place", async () => {
    const { clock, gone, queue } = limiter(1);
    queue("a");
    const leave = queue("b");
    queue("c");
    leave();

    await clock.advance(1);

    expect(gone).toEqual(["a", "c"]);
  });

  test("can be raised while tasks wait", async () => {
    const { clock, limiter: changed, gone, queue } = limiter(1 / 3600);
    for (const name of ["a", "b", "c"]) queue(name);
    await clock.advance(1);
    expect(gone).toEqual(["a"]);

    changed.setRate("t", 10);
    await clock.advance(0.25);

    expect(gone).toEqual(["a", "b", "c"]);
  });

  test("lets everyone go when it is lifted", async () => {
    const { clock, limiter: changed, gone, queue } = limiter(1);
    for (const name of ["a", "b", "c"]) queue(name);

    changed.setRate("t", undefined);
    await clock.advance(0);

    expect(gone).toEqual(["a", "b", "c"]);
    expect(changed.limits("t")).toBe(false);
  });

  test("does not concern other tasks", () => {
    const { limiter: other } = limiter(1);
    expect(other.limits("u")).toBe(false);
  });
});
