import { silentLogger } from "lovage";
import { describe, expect, test } from "vitest";
import { type AppRedact, ContentsGuard } from "../../src/server/ingest/contents-guard.js";
import { redactFindings } from "../../src/server/ingest/redact-findings.js";

const guardWith = (redact?: AppRedact): ContentsGuard => new ContentsGuard({ redact, logger: silentLogger });
const SECRET = "hunter2-and-more";

describe("what was found out about a task", () => {
  test("is masked as events are, and stays exact where nothing was taken out", () => {
    const found = {
      state: "SUCCESS",
      argsJson: "[1,2]",
      kwargsJson: `{"password":"${SECRET}"}`,
      argsSource: "result",
      error: `ValueError('token=${SECRET}')`,
    };
    const kept = redactFindings(found, guardWith());
    expect(kept).toMatchObject({ state: "SUCCESS", argsJson: "[1,2]", argsSource: "result", args: "(1, 2)" });
    expect(JSON.stringify(kept)).not.toContain(SECRET);
  });

  test("is not kept exactly where it is too long, and no part of it goes by unmasked", () => {
    const long = "x".repeat(20_000);
    const found = {
      argsJson: JSON.stringify([{ password: SECRET }, long]),
      kwargsJson: JSON.stringify({ token: SECRET, long }),
      argsSource: "result",
      resultJson: JSON.stringify({ api_key: SECRET, long }),
    };
    const kept = redactFindings(found, guardWith());
    expect(kept.argsJson ?? null).toBeNull();
    expect(kept.kwargsJson ?? null).toBeNull();
    expect(kept.resultJson ?? null).toBeNull();
    expect(JSON.stringify(kept)).not.toContain(SECRET);
  });

  test("is hidden where the app hides it, or cannot tell what to hide", () => {
    const found = {
      name: "t.add",
      args: `('${SECRET}',)`,
      kwargs: "{}",
      result: `'${SECRET}'`,
      argsJson: `["${SECRET}"]`,
      kwargsJson: "{}",
      argsSource: "result",
      resultJson: `"${SECRET}"`,
    };
    const changed = redactFindings(
      found,
      guardWith((task) => ({ ...task, args: ["gone"], result: "gone" })),
    );
    expect(JSON.stringify(changed)).not.toContain(SECRET);
    expect(changed.args).toContain("gone");
    const failed = redactFindings(
      found,
      guardWith(() => {
        throw new Error("a bug");
      }),
    );
    expect(JSON.stringify(failed)).not.toContain(SECRET);
  });

  test("that is no JSON is not kept as if it were", () => {
    const kept = redactFindings({ argsJson: `["${SECRET}`, resultJson: "{broken" }, guardWith());
    expect(kept).not.toHaveProperty("argsJson");
    expect(kept).not.toHaveProperty("resultJson");
  });
});
