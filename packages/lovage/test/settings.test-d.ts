import { describe, expectTypeOf, test } from "vitest";
import { Lovage, type LovageSettings, type Settings } from "../src/index.js";
import { resolveSettings } from "../src/settings.js";

describe("the types of settings", () => {
  test("let everything be left out, and know every setting when they are resolved", () => {
    expectTypeOf({}).toExtend<LovageSettings>();
    expectTypeOf<Settings>().toEqualTypeOf<Readonly<Required<Settings>>>();
    expectTypeOf<keyof Settings>().toEqualTypeOf<keyof LovageSettings>();
    expectTypeOf(resolveSettings).returns.toEqualTypeOf<Settings>();
  });

  test("refuse a setting that does not exist", () => {
    // @ts-expect-error misspelt
    new Lovage("shop", { brokerUlr: "memory://" });
  });

  test("refuse a value of the wrong kind", () => {
    // @ts-expect-error seconds are a number
    new Lovage("shop", { taskTimeLimit: "60" });
    // @ts-expect-error there is no such pool
    new Lovage("shop", { workerPool: "fork" });
    // @ts-expect-error only results can be switched off
    new Lovage("shop", { brokerUrl: null });
    // @ts-expect-error Lovage always sends UTC
    new Lovage("shop", { enableUtc: false });
    // @ts-expect-error a queue needs a name
    new Lovage("shop", { taskQueues: [{ exchange: "x" }] });
    // @ts-expect-error a route has no colour
    new Lovage("shop", { taskRoutes: { "x.*": { queue: "a", colour: "red" } } });
    // @ts-expect-error misspelt
    new Lovage("shop", { taskPublishRetryPolicy: { maxTries: 3 } });
  });

  test("say what a resolved setting is", () => {
    expectTypeOf<Settings["brokerUrl"]>().toEqualTypeOf<string>();
    expectTypeOf<Settings["resultBackend"]>().toEqualTypeOf<string | null>();
    expectTypeOf<Settings["taskTimeLimit"]>().toEqualTypeOf<number | null>();
    expectTypeOf<Settings["workerPool"]>().toEqualTypeOf<"processes" | "threads" | "async" | "solo">();
    expectTypeOf<Settings["acceptContent"]>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Settings["taskPublishRetryPolicy"]["intervalMax"]>().toEqualTypeOf<number>();
  });

  test("take routes as a table, a function, or a list of both", () => {
    expectTypeOf<{ "shop.*": string }>().toExtend<NonNullable<LovageSettings["taskRoutes"]>>();
    expectTypeOf<(name: string) => string | undefined>().toExtend<NonNullable<LovageSettings["taskRoutes"]>>();
    expectTypeOf<readonly { "shop.*": { queue: string; priority: number } }[]>().toExtend<
      NonNullable<LovageSettings["taskRoutes"]>
    >();
  });
});
