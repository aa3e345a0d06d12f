import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type AsyncResult, Lovage } from "../src/index.js";

const app = new Lovage("types", { brokerUrl: "memory://", resultBackend: "memory://" });
const add = app.task("add", (x: number, y: number) => x + y);
const shout = app.task("shout", async (text: string) => text.toUpperCase());
const show = app.task("show", (value: number) => `${value}`);
const sum = app.task("sum", (...values: number[]) => values.length);
const maybe = app.task("maybe", (x: number, y?: string) => `${x}${y}`);
const resize = app.task(
  "resize",
  {
    input: z.object({ url: z.string(), width: z.coerce.number().default(80) }),
    queue: "images",
    maxRetries: 5,
    retryBackoff: true,
  },
  async ({ url, width }) => ({ path: url, width }),
);
const pyAdd = app.remote<(x: number, y: number) => number>("proj.add");
const pyResize = app.remote<(input: { url: string }) => string>("proj.resize", { passes: "kwargs" });

describe("a task's types", () => {
  test("calling it, and sending it, take the function's parameters", () => {
    expectTypeOf(add(1, 2)).toEqualTypeOf<number>();
    expectTypeOf(add.delay(1, 2)).resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(add.applyAsync([1, 2], { countdown: 3 })).resolves.toEqualTypeOf<AsyncResult<number>>();
    // @ts-expect-error a string is not a number
    void add.delay(1, "2");
    // @ts-expect-error an argument is missing
    void add.delay(1);
    // @ts-expect-error one too many
    void add.delay(1, 2, 3);
    // @ts-expect-error arguments are one array
    void add.applyAsync(1, 2);
    // @ts-expect-error no such option
    void add.applyAsync([1, 2], { countDown: 3 });
    // @ts-expect-error an instant is a Date
    void add.applyAsync([1, 2], { eta: "tomorrow" });
  });

  test("an async function's result is what it resolves with", () => {
    expectTypeOf(shout.delay("a")).resolves.toEqualTypeOf<AsyncResult<string>>();
    expectTypeOf<Awaited<ReturnType<typeof shout.delay>>>().toHaveProperty("get");
  });

  test("get gives the result's type, and undefined too when errors are not thrown", async () => {
    const result = await add.delay(1, 2);
    expectTypeOf(result.get({ timeout: 1 })).resolves.toEqualTypeOf<number>();
    expectTypeOf(result.get({ propagate: false })).resolves.toEqualTypeOf<number | undefined>();
    // @ts-expect-error the result is a number
    const _wrong: string = await result.get();
  });

  test("optional parameters may be left out", () => {
    void maybe.delay(1);
    void maybe.delay(1, "a");
    // @ts-expect-error of the wrong type
    void maybe.delay(1, 2);
  });

  test("a schema's input is what callers give, its output what the function gets", () => {
    void resize.delay({ url: "a" });
    expectTypeOf(resize.delay({ url: "a", width: 3 })).resolves.toEqualTypeOf<
      AsyncResult<{ path: string; width: number }>
    >();
    expectTypeOf(resize({ url: "a" })).resolves.toEqualTypeOf<{ path: string; width: number }>();
    // @ts-expect-error url is missing
    void resize.delay({ width: 3 });
    // @ts-expect-error the input is no array
    void resize.applyAsync([{ url: "a" }]);
    // @ts-expect-error no such option
    app.task("x", { input: z.object({}), maxRetry: 3 }, () => 1);
  });

  test("a remote task has no function to call", () => {
    expectTypeOf(pyAdd.delay(1, 2)).resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(pyResize.delay({ url: "a" })).resolves.toEqualTypeOf<AsyncResult<string>>();
    // @ts-expect-error it lives elsewhere
    pyAdd(1, 2);
    // @ts-expect-error a string is not a number
    void pyAdd.delay("1", 2);
  });
});

describe("a signature's types", () => {
  test("a partial misses the first arguments", () => {
    expectTypeOf(add.s(1, 2).delay()).resolves.toEqualTypeOf<AsyncResult<number>>();
    void add.s(2).delay(1);
    void add.s().delay(1, 2);
    void sum.s(1, 2).delay(3);
    // @ts-expect-error one argument is missing
    void add.s(2).delay();
    // @ts-expect-error a string is not a number
    add.s("2");
    // @ts-expect-error one too many
    add.s(1, 2, 3);
    // @ts-expect-error nothing is missing
    void add.si(1, 2).delay(3);
    // @ts-expect-error an immutable signature takes all its arguments at once
    add.si(1);
    // @ts-expect-error url is missing
    resize.s({ width: 1 });
  });

  test("a callback takes the result, or nothing", () => {
    add.s(1, 2).link(show.s());
    add.s(1, 2).link(add.s(4));
    add.s(1, 2).link(add.si(4, 5));
    void add.applyAsync([1, 2], { link: [show.s(), sum.s()] });
    // @ts-expect-error the result is a number, and shout takes a string
    add.s(1, 2).link(shout.s());
    // @ts-expect-error nothing is missing: the result would be one argument too many
    add.s(1, 2).link(add.s(4, 5));
    // @ts-expect-error two arguments are missing, and the result is one
    add.s(1, 2).link(add.s());
  });

  test("an errback takes the failed task's id, or nothing", () => {
    add.s(1, 2).linkError(shout.s());
    add.s(1, 2).linkError(add.si(1, 2));
    // @ts-expect-error an id is text
    add.s(1, 2).linkError(show.s());
  });
});
