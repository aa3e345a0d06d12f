import { afterEach, describe, expect, test, vi } from "vitest";
import { Ticker } from "../../src/web/state/ticker.js";

describe("the clock of the pages", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is right for who comes first after a while, and not a second later: what was just now is not to come", () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const ticker = new Ticker();
    vi.setSystemTime(1_007_000);
    const unsubscribe = ticker.subscribe(() => undefined);
    expect(ticker.now()).toBe(1_007_000);
    unsubscribe();
    vi.setSystemTime(1_020_000);
    ticker.subscribe(() => undefined)();
    expect(ticker.now()).toBe(1_020_000);
  });
});
