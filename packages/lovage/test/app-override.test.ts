import { describe, expect, test } from "vitest";
import { Lovage } from "../src/index.js";
import { RecordingLogger } from "./support/recording-logger.js";

describe("app.override", () => {
  test("puts settings in place of the app's own, and keeps the others", () => {
    const app = new Lovage("a", { brokerUrl: "memory://", taskDefaultQueue: "mine" });
    app.override({ brokerUrl: "sqlite:other.db" });
    expect(app.settings).toMatchObject({ brokerUrl: "sqlite:other.db", taskDefaultQueue: "mine" });
    app.override({ taskDefaultQueue: "theirs" });
    expect(app.router.defaultQueues().map(({ name }) => name)).toEqual(["theirs"]);
  });

  test("refuses what is no setting, and an app that has been used", async () => {
    const app = new Lovage("a", { brokerUrl: "memory://", resultBackend: null });
    expect(() => app.override({ taskTimeLimit: -1 })).toThrow("taskTimeLimit");
    await app.direct.broker();
    expect(() => app.override({ taskTimeLimit: 1 })).toThrow(expect.objectContaining({ code: "app_in_use" }));
    await app.close();
  });
});

describe("app.logTo", () => {
  test("gives a logger to an app without one, and leaves one that was given", async () => {
    const [given, workers] = [new RecordingLogger(), new RecordingLogger()];
    for (const options of [{}, { logger: given }]) {
      const app = new Lovage("a", { brokerUrl: "memory://", resultBackend: null, ...options });
      app.logTo(workers);
      // A queue without priorities: that is worth a warning.
      await app.task("t", () => 1).applyAsync([], { priority: 5 });
      await app.close();
    }
    expect(workers.lines).toHaveLength(1);
    expect(given.lines).toHaveLength(1);
  });
});
