import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Pair } from "../support/pair.js";

/** What Python can send and our worker must not run. */
export function describeRefusals(pair: () => Pair): void {
  describe("what is not accepted", () => {
    test("a pickle becomes a dead letter that says why, and is never loaded", async () => {
      const { stage, python, workers } = pair();
      const path = stage.path();
      const id = randomUUID();
      // Given a task whose argument creates a file when it is loaded
      await python.publishPickle("js", "js.length", id, path);
      // When the worker has put it aside
      const letter = await buried(id);
      // Then nobody has loaded it
      expect(letter).toMatchObject({ id, queue: "js", task: "js.length", reason: expect.stringMatching(/content/) });
      expect(JSON.stringify(letter)).toContain("application/x-python-serialize");
      expect(existsSync(path)).toBe(false);
      expect(workers.lovage.running).toBe(true);
    });

    test.each([
      ["YAML", "application/x-yaml", "[[1, 2], {}, {}]"],
      ["a body that is no JSON", "application/json", "[[1, 2], {}, "],
      ["a body of the wrong shape", "application/json", '"text"'],
    ])("%s becomes one too", async (_name, content_type, body) => {
      const { python } = pair();
      const id = randomUUID();
      const headers = { lang: "py", task: "js.add", id, argsrepr: "()", kwargsrepr: "{}", retries: 0 };
      const properties = { correlation_id: id };
      await python.publish({ queue: "js", body, content_type, content_encoding: "utf-8", headers, properties });
      expect(JSON.stringify(await buried(id))).toMatch(/application\/x-yaml|JSON|body/);
      expect(await python.call({ name: "js.add", args: [1, 2] })).toEqual({ state: "SUCCESS", value: 3 });
    });

    /** The dead letter of the task, as `lovage dead-letters` shows it, once it is there. */
    async function buried(id: string): Promise<unknown> {
      const { stage } = pair();
      const deadline = performance.now() + 20_000;
      for (;;) {
        const { out } = await stage.lovage("dead-letters", "list", "--json");
        const letters: unknown = JSON.parse(out);
        const letter = Array.isArray(letters) && letters.find((each) => JSON.stringify(each).includes(id));
        if (letter) return letter;
        if (performance.now() > deadline) throw new Error(`${id} is not among ${out}`);
      }
    }
  });
}
