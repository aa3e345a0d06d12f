import { describe, expect, test } from "vitest";
import { checkSettings, describeSettings, environmentName, resolveSettings } from "../src/settings.js";

const NOTHING = {};

describe("settings", () => {
  test("come from the option, else the environment, else the default", () => {
    const environment = { LOVAGE_TASK_TIME_LIMIT: "30", LOVAGE_RESULT_EXPIRES: "60" };
    const settings = resolveSettings({ taskTimeLimit: 5 }, environment);
    expect(settings).toMatchObject({ taskTimeLimit: 5, resultExpires: 60, taskMaxDeliveries: 5 });
  });

  test("are frozen", () => {
    expect(Object.isFrozen(resolveSettings(NOTHING, NOTHING))).toBe(true);
  });

  test("that do not exist are refused with the nearest name", () => {
    const wrong: object = { brokerUlr: "memory://" };
    expect(() => resolveSettings(wrong, NOTHING)).toThrow("there is no setting brokerUlr: did you mean brokerUrl?");
  });

  test("that are wrong are all reported at once, by where they came from", () => {
    const wrong: object = { taskTimeLimit: -1, taskAcksLate: "yes", xyzzy: 1 };
    const { problems } = checkSettings(wrong, { LOVAGE_WORKER_POOL: "fork", LOVAGE_TIMEZONE: "Mars/Base" });
    expect([...problems].sort()).toEqual([
      'LOVAGE_TIMEZONE must be a time zone\'s IANA name, as in Europe/Berlin; got "Mars/Base"',
      'LOVAGE_WORKER_POOL must be one of processes, threads, async, solo; got "fork"',
      'taskAcksLate must be true or false; got "yes"',
      "taskTimeLimit must be a number of seconds above 0, or null; got -1",
      "there is no setting xyzzy",
    ]);
  });

  test("never show a URL in an error", () => {
    const wrong: object = { taskTimeLimit: "redis://u:secret@h" };
    expect(() => resolveSettings(wrong, NOTHING)).toThrow(expect.not.stringContaining("secret"));
  });

  test("of every kind read from the environment", () => {
    const settings = resolveSettings(NOTHING, {
      LOVAGE_TASK_ACKS_LATE: "off",
      LOVAGE_RESULT_BACKEND: "none",
      LOVAGE_ACCEPT_CONTENT: "json, application/json",
      LOVAGE_TASK_QUEUES: "a,b",
      LOVAGE_TASK_ROUTES: '{"x.*": "slow"}',
      LOVAGE_TASK_PUBLISH_RETRY_POLICY: '{"maxRetries": 1}',
    });
    expect(settings).toMatchObject({
      taskAcksLate: false,
      resultBackend: null,
      acceptContent: ["json", "application/json"],
      taskQueues: [{ name: "a" }, { name: "b" }],
      taskPublishRetryPolicy: { maxRetries: 1, intervalStart: 0, intervalStep: 0.2, intervalMax: 1 },
    });
    expect(settings.taskRoutes.map((route) => route("x.y"))).toEqual([{ queue: "slow" }]);
  });

  test("describe themselves, each with the name of its variable", () => {
    const described = describeSettings();
    expect(described.find(({ name }) => name === "brokerUrl")).toMatchObject({ environment: "LOVAGE_BROKER_URL" });
    for (const { doc } of described) expect(doc).toMatch(/\.$/);
  });
});

describe("names and URLs", () => {
  test("a setting's variable is upper snake case", () => {
    expect(environmentName("workerMaxTasksPerChild")).toBe("LOVAGE_WORKER_MAX_TASKS_PER_CHILD");
  });
});
