import { describe, expect, test } from "vitest";
import { shownSettings } from "../src/report.js";
import {
  checkSettings,
  describeSettings,
  environmentName,
  type LovageSettings,
  resolveSettings,
} from "../src/settings.js";

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

  test("are complete for an app that configures nothing, and start on one file", () => {
    const settings = resolveSettings(NOTHING, NOTHING);
    expect(Object.values(settings)).not.toContain(undefined);
    expect(settings).toMatchObject({
      brokerUrl: "sqlite:lovage.db",
      resultBackend: "sqlite:lovage.db",
      taskDefaultQueue: "celery",
      taskAcksLate: true,
      resultExpires: 86_400,
    });
  });

  test("given as undefined are as good as not given", () => {
    const environment = { LOVAGE_TASK_TIME_LIMIT: "30" };
    expect(resolveSettings({ taskTimeLimit: undefined }, environment).taskTimeLimit).toBe(30);
    expect(resolveSettings({ taskTimeLimit: null }, environment).taskTimeLimit).toBeNull();
  });

  test("survive being parsed a second time", () => {
    const once = resolveSettings({ taskQueues: ["a"], taskRoutes: { "x.*": "slow" } }, NOTHING);
    const twice = resolveSettings(once, NOTHING);
    expect({ ...twice, taskRoutes: [] }).toEqual({ ...once, taskRoutes: [] });
    expect(twice.taskRoutes[0]?.("x.y")).toEqual({ queue: "slow" });
  });

  test("misspelt in the environment are refused, and what else begins with our prefix is left alone", () => {
    const environment = {
      LOVAGE_BROKER_ULR: "memory://",
      LOVAGE_VECTORS: "/x",
      LOVAGE_MY_OWN_THING: "1",
      BROKER_URL: "x",
    };
    expect(checkSettings(NOTHING, environment).problems).toEqual([
      "there is no variable LOVAGE_BROKER_ULR: did you mean LOVAGE_BROKER_URL?",
    ]);
  });

  test.each(["toString", "constructor", "__proto__", "hasOwnProperty"])("are not what every object has: %s", (name) => {
    const wrong: object = Object.defineProperty({}, name, { value: 1, enumerable: true });
    expect(checkSettings(wrong, NOTHING).problems).toHaveLength(1);
  });

  test.each([
    ["taskTimeLimit", 0],
    ["taskTimeLimit", Number.NaN],
    ["taskTimeLimit", Number.POSITIVE_INFINITY],
    ["taskTimeLimit", "10"],
    ["resultExpires", -1],
    ["workerConcurrency", 1.5],
    ["workerConcurrency", 0],
    ["taskDefaultPriority", 10],
    ["taskDefaultQueue", ""],
    ["taskDefaultRateLimit", "10/d"],
    ["taskQueues", ["a", ""]],
    ["taskQueues", [{ exchange: "x" }]],
    ["taskQueues", [{ name: "a", colour: "red" }]],
    ["taskRoutes", { "x.*": { queue: "a", colour: "red" } }],
    ["taskRoutes", ["x.*"]],
    ["taskPublishRetryPolicy", { maxTries: 3 }],
    ["taskProtocol", 1],
    ["enableUtc", false],
    ["beatSchedule", []],
    ["timezone", 5],
    ["brokerUrl", null],
    ["workerHealthPort", 65_536],
    ["consoleUsers", "alice:admin:scrypt$1$1$1$a$b"],
    ["consoleUsers", ["alice:root:scrypt$1$1$1$a$b"]],
    ["consoleUsers", ["alice:admin:plain"]],
    ["consoleUsers", ["alice:admin:scrypt$1$1$1$a$b", "alice:viewer:scrypt$1$1$1$a$b"]],
    ["consoleLinks", [{ label: "x", href: "javascript:alert(1)" }]],
    ["consoleLinks", [{ label: "x", href: "//evil.example" }]],
    ["consoleLinks", [{ href: "/posts" }]],
    ["consoleCorsOrigins", ["*"]],
    ["consoleCorsOrigins", ["https://a.example/"]],
    ["consoleEnvironmentColor", "url(x)"],
    ["consoleInspectTimeout", 0],
  ])("of the wrong kind are refused: %s as %j", (name, value) => {
    const wrong: object = { [name]: value };
    expect(checkSettings(wrong, NOTHING).problems).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
  });

  test("of a queue shared with others may have as many priorities as RabbitMQ allows", () => {
    expect(resolveSettings({ taskQueueMaxPriority: 10 }, NOTHING).taskQueueMaxPriority).toBe(10);
  });

  test("show in an error nothing that may hold a password", () => {
    const wrong: object = {
      taskTimeLimit: "user:secret@host",
      taskSoftTimeLimit: { password: "secret" },
      taskQueues: [{ password: "secret" }],
    };
    expect(checkSettings(wrong, NOTHING).problems.join()).not.toContain("secret");
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

  test("of the console are read from the environment too", () => {
    const alice = "alice:admin:scrypt$16384$8$1$c2FsdA==$aGFzaA==";
    const bob = "bob:viewer:scrypt$16384$8$1$c2FsdA==$aGFzaA==";
    const settings = resolveSettings(NOTHING, {
      LOVAGE_CONSOLE_USERS: `${alice}, ${bob}`,
      LOVAGE_CONSOLE_LINKS: '[{"label": "Posts", "href": "/posts"}]',
      LOVAGE_CONSOLE_CORS_ORIGINS: "https://a.example,http://localhost:3000",
      LOVAGE_WORKER_HEALTH_PORT: "8081",
    });
    expect(settings).toMatchObject({
      consoleUsers: [alice, bob],
      consoleLinks: [{ label: "Posts", href: "/posts" }],
      consoleCorsOrigins: ["https://a.example", "http://localhost:3000"],
      workerHealthPort: 8081,
    });
  });

  test("that are secret are shown nowhere: neither in reports nor in what is wrong with them", () => {
    const settings = resolveSettings({ consoleUsers: ["alice:admin:scrypt$1$1$1$salt$hash"] }, NOTHING);
    expect(shownSettings(settings, { withDefaults: true }).console_users).toBe("********");
    expect(JSON.stringify(shownSettings(settings, { withDefaults: false }))).not.toContain("hash");
    for (const wrong of ["alice:admin:hash", ["alice:admin:hash"], { alice: "hash" }]) {
      const given: object = { consoleUsers: wrong };
      expect(checkSettings(given, NOTHING).problems.join()).not.toContain("alice");
    }
  });

  test("describe themselves, each with the name of its variable", () => {
    const described = describeSettings();
    expect(described.find(({ name }) => name === "brokerUrl")).toMatchObject({ environment: "LOVAGE_BROKER_URL" });
    for (const { doc } of described) expect(doc).toMatch(/\.$/);
  });
});

describe("routes", () => {
  const routesOf = (taskRoutes: LovageSettings["taskRoutes"]) => {
    const finders = resolveSettings({ taskRoutes }, NOTHING).taskRoutes;
    return (name: string) => finders.map((find) => find(name)).find(Boolean);
  };

  test("take an exact name before a pattern, and the first of the patterns that match", () => {
    const find = routesOf({ "shop.*": "any", "shop.images.*": "never", "shop.add": { queue: "exact", priority: 3 } });
    expect(find("shop.add")).toEqual({ queue: "exact", priority: 3 });
    expect(find("shop.images.resize")).toEqual({ queue: "any" });
    expect(find("shopping.add")).toBeUndefined();
  });

  test("know * for any text and ? for one character, and take all else as it is", () => {
    const find = routesOf({ "a.?.(b)+*": "found" });
    expect(find("a.x.(b)+")).toEqual({ queue: "found" });
    expect(find("a.x.(b)+ more")).toEqual({ queue: "found" });
    for (const name of ["a.xy.(b)+", "abx.(b)+", "a.x.b", "a.x.(b)"]) expect(find(name)).toBeUndefined();
  });

  test("are asked in the order of their list, functions among them", () => {
    const find = routesOf([
      (name) => (name.startsWith("a") ? "first" : undefined),
      { "*": "last" },
      () => ({ queue: "never" }),
    ]);
    expect([find("a"), find("b")]).toEqual([{ queue: "first" }, { queue: "last" }]);
  });
});

describe("names and URLs", () => {
  test("a setting's variable is upper snake case", () => {
    expect(environmentName("workerMaxTasksPerChild")).toBe("LOVAGE_WORKER_MAX_TASKS_PER_CHILD");
  });
});
