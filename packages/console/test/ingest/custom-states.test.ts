import { expect, test } from "vitest";
import { CustomStates } from "../../src/server/ingest/custom-states.js";

test("two hundred custom states keep their names; the rest is one state", () => {
  const states = new CustomStates();
  const kept = Array.from({ length: 300 }, (_, n) => states.keeps(`STATE_${n}`));
  expect(kept.filter(Boolean)).toHaveLength(200);
  expect(states.keeps("STATE_0")).toBe(true);
  expect(states.keeps("STATE_299")).toBe(false);
});
