import type { Client, PoolClient } from "pg";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type AsyncResult, Lovage } from "../../src/index.js";

const app = new Lovage("types", { brokerUrl: "memory://", resultBackend: null });
const add = app.task("t.add", (x: number, y: number) => x + y);
const greet = app.task("t.greet", { input: z.object({ name: z.string() }) }, ({ name }) => `hello ${name}`);
const far = app.remote<(x: number) => string>("t.far");
declare const client: Client;
declare const pooled: PoolClient;

test("app.in sends tasks with their own types", () => {
  const tx = app.in(client);
  expectTypeOf(tx.delay(add, 2, 2)).toEqualTypeOf<Promise<AsyncResult<number>>>();
  expectTypeOf(tx.delay(greet, { name: "Ada" })).toEqualTypeOf<Promise<AsyncResult<string>>>();
  expectTypeOf(tx.delay(far, 1)).toEqualTypeOf<Promise<AsyncResult<string>>>();
  expectTypeOf(tx.applyAsync(add, [2, 2], { countdown: 1 })).toEqualTypeOf<Promise<AsyncResult<number>>>();
  expectTypeOf(tx.applyAsync(greet, { name: "Ada" })).toEqualTypeOf<Promise<AsyncResult<string>>>();
  expectTypeOf(tx.send(add.s(2, 2), { queue: "q" })).toEqualTypeOf<Promise<AsyncResult<number>>>();
  expectTypeOf(tx.send(add.si(2, 2))).toEqualTypeOf<Promise<AsyncResult<number>>>();
  expectTypeOf(add.in(pooled).delay(2, 2)).toEqualTypeOf<Promise<AsyncResult<number>>>();
  expectTypeOf(greet.in(pooled).delay({ name: "Ada" })).toEqualTypeOf<Promise<AsyncResult<string>>>();
  expectTypeOf(add.s(2).in(client).delay(1)).toEqualTypeOf<Promise<AsyncResult<number>>>();
});

test("app.in refuses what the task would not take", () => {
  const tx = app.in(client);
  // @ts-expect-error a text is no number
  void tx.delay(add, "2", 2);
  // @ts-expect-error an argument is missing
  void tx.delay(add, 2);
  // @ts-expect-error another member
  void tx.delay(greet, { nmae: "Ada" });
  // @ts-expect-error the signature misses an argument
  void tx.send(add.s(2));
  // @ts-expect-error no client at all
  app.in({});
});

test("app.in takes any function that runs a statement", () => {
  app.in(async (text, values) => {
    expectTypeOf(text).toEqualTypeOf<string>();
    expectTypeOf(values).toEqualTypeOf<unknown[]>();
    return [];
  });
});
