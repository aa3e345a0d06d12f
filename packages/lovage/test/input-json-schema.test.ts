import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type InputSchema, Lovage } from "../src/index.js";
import { RecordingLogger } from "./support/recording-logger.js";

function schemaOf(input: InputSchema, jsonSchema?: Readonly<Record<string, unknown>>) {
  const logger = new RecordingLogger();
  const app = new Lovage("schemas", { brokerUrl: "memory://", resultBackend: null, logger });
  app.task("t", { input, ...(jsonSchema && { jsonSchema }) }, () => null);
  return { app, logger, schema: app.inputSchema("t") };
}

/** A Standard Schema of no vendor that is known, with other members besides. */
function foreign(members: object, standard: object = {}): InputSchema {
  const props: StandardSchemaV1.Props = { version: 1, vendor: "nobody", validate: (value) => ({ value }), ...standard };
  return { ...members, "~standard": props };
}

describe("the JSON Schema of a task's input", () => {
  test("is what zod says of what callers give, defaults and all", () => {
    const { schema } = schemaOf(
      z.object({
        blog: z.url().describe("Where it is"),
        limit: z.number().int().min(1).default(10),
        tags: z.array(z.enum(["a", "b"])).optional(),
      }),
    );
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      required: ["blog"],
      properties: {
        blog: { type: "string", format: "uri", description: "Where it is" },
        limit: { type: "integer", minimum: 1, default: 10 },
        tags: { type: "array", items: { type: "string", enum: ["a", "b"] } },
      },
    });
  });

  test("has what JSON Schema cannot say as anything, and dates as texts", () => {
    const { schema, logger } = schemaOf(z.object({ since: z.coerce.date(), big: z.bigint(), name: z.string() }));
    expect(schema).toMatchObject({
      properties: { since: { type: "string", format: "date-time" }, big: {}, name: { type: "string" } },
    });
    expect(logger.lines).toEqual([]);
  });

  test("comes from a method that older schemas have", () => {
    expect(schemaOf(foreign({ toJSONSchema: () => ({ type: "object" }) })).schema).toEqual({ type: "object" });
    expect(schemaOf(foreign({ toJsonSchema: () => ({ type: "object" }) })).schema).toEqual({ type: "object" });
  });

  test("is the task's own where it has one", () => {
    const own = { type: "object", properties: { a: { type: "string" } } };
    expect(schemaOf(v.object({ a: v.string() }), own).schema).toEqual(own);
    expect(schemaOf(z.object({ a: z.string() }), own).schema).toEqual(own);
  });

  test("is not known of a schema that cannot tell, of positional tasks, and of names that nobody registered", () => {
    const { app, schema } = schemaOf(v.object({ a: v.string() }));
    app.task("add", (x: number) => x);
    expect([schema, app.inputSchema("add"), app.inputSchema("nobody")]).toEqual([undefined, undefined, undefined]);
  });

  const throwing = () => {
    throw new Error("no");
  };
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  test.each([
    ["throws", foreign({}, { jsonSchema: { input: throwing } })],
    [
      "has members that throw",
      foreign({}, Object.defineProperty({}, "jsonSchema", { get: throwing, enumerable: false })),
    ],
    ["throws in its method", foreign({ toJSONSchema: throwing })],
    ["throws no error", foreign({ toJSONSchema: () => Promise.reject(new Error("later")).catch(() => ({})) })],
    ["gives a text", foreign({ toJSONSchema: () => "object" })],
    ["gives nothing", foreign({ toJSONSchema: () => null })],
    ["gives a list", foreign({ toJSONSchema: () => [] })],
    ["gives a cycle", foreign({ toJSONSchema: () => cyclic })],
    ["gives big integers", foreign({ toJSONSchema: () => ({ minimum: 1n }) })],
  ])("is not known of a schema that %s, which is logged once", (_what, input) => {
    const { app, logger, schema } = schemaOf(input);
    expect(schema).toBeUndefined();
    expect(app.inputSchema("t")).toBeUndefined();
    expect(logger.lines.length).toBeLessThanOrEqual(1);
  });

  test("is a copy: what the schema does with its own afterwards changes nothing", () => {
    const own = { type: "object" };
    const { app, schema } = schemaOf(foreign({ toJSONSchema: () => own }));
    own.type = "string";
    expect(schema).toEqual({ type: "object" });
    expect(app.inputSchema("t")).toBe(schema);
  });
});
