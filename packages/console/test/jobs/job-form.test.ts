import { describe, expect, test } from "vitest";
import { formOf, parametersOf } from "../../src/server/jobs/job-form.js";

const SCHEMA = {
  type: "object",
  properties: { blog: { type: "string" }, skip: { type: "boolean" }, limit: { type: "integer" } },
  required: ["blog", "limit"],
  additionalProperties: false,
};
const JOB = {
  slug: "scrape",
  title: "Scrape",
  task: "blog.scrape",
  description: null,
  fixed: {},
  defaults: {},
  asked: null,
  concurrency: "allow",
  queue: null,
} as const;

describe("the form of a job", () => {
  test("asks for all that is not fixed, beginning with the defaults", () => {
    expect(formOf({ ...JOB, fixed: { skip: true }, defaults: { limit: 10 } }, SCHEMA)).toEqual({
      type: "object",
      properties: { blog: { type: "string" }, limit: { type: "integer", default: 10 } },
      required: ["blog"],
      additionalProperties: false,
    });
  });

  test("asks for what is named only", () => {
    expect(formOf({ ...JOB, asked: ["limit"], fixed: { blog: "x" } }, SCHEMA)).toMatchObject({
      properties: { limit: { type: "integer" } },
      required: ["limit"],
    });
  });

  test("is none when nothing is asked", () => {
    expect(formOf({ ...JOB, asked: [] }, SCHEMA)).toBeNull();
    expect(formOf({ ...JOB, fixed: { blog: "x", skip: false, limit: 1 } }, SCHEMA)).toBeNull();
    expect(formOf(JOB, { type: "object", properties: {}, additionalProperties: false })).toBeNull();
  });

  test("takes anything where the task has no schema", () => {
    expect(formOf(JOB, undefined)).toEqual({ type: "object", properties: {}, additionalProperties: true });
    expect(formOf({ ...JOB, asked: ["url"] }, undefined)).toMatchObject({ properties: { url: {} } });
  });
});

describe("the parameters of a run", () => {
  test("what was given goes before defaults, what is fixed before both", () => {
    const job = { ...JOB, defaults: { limit: 1, skip: true }, fixed: { blog: "x" } };
    expect(parametersOf(job, { limit: 5 })).toEqual({ limit: 5, skip: true, blog: "x" });
  });

  test("what is fixed, or not asked for, is refused by name", () => {
    const job = { ...JOB, fixed: { blog: "x" }, asked: ["limit"] };
    expect(() => parametersOf(job, { blog: "y", skip: true, limit: 1 })).toThrow(
      expect.objectContaining({
        status: 400,
        code: "validation",
        errors: [
          { path: "parameters.blog", message: "the job fixes it" },
          { path: "parameters.skip", message: "the job does not ask for it" },
        ],
      }),
    );
  });
});
