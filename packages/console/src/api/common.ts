import { z } from "@hono/zod-openapi";

/** The shapes that the API speaks and the pages read. The pages import their types only, so none of this is shipped to browsers. */

/** ISO 8601, UTC: `2026-01-31T10:00:00.000Z`. */
export const Instant = z.iso.datetime({ offset: false });
/** A duration in seconds. */
export const Seconds = z.number();
/** Any JSON value. Numbers beyond 2^53 travel as `{"$bigint": "123…"}`, so that all digits are kept. */
export const Json = z.unknown();

/** How many items match: exact, or an estimate once counting would take long. Null: not counted (yet). */
export const Total = z.object({ count: z.number().int().nullable(), exact: z.boolean() });
export type Total = z.infer<typeof Total>;

/** One page of a list. `nextCursor` is null on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable(), total: Total });
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly total: Total;
}

/** What lists take besides their filters. `sort`: a column, with `-` before it for descending. */
export const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
  sort: z.string().max(60).optional(),
});

/** `application/problem+json` (RFC 9457), with a `code` that docs/errors.md explains. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  /** Where several things are wrong: the member (as in `args[0].url`; "" for the whole) and what is wrong with it. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** Of a bad query: where it goes wrong, counted in characters from 0. */
  position: z.number().int().optional(),
});
export type Problem = z.infer<typeof Problem>;

export const ROLES = ["viewer", "operator", "admin"] as const;
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;

/** What an action did to one thing: each is told, never summed away. `detail` is the worker's or the broker's own text. */
export const ActionOutcome = z.object({
  /** A worker, a task or a message. */
  target: z.string(),
  outcome: z.enum(["done", "refused", "no-answer", "skipped"]),
  detail: z.string(),
});
export type ActionOutcome = z.infer<typeof ActionOutcome>;
export const ActionReply = z.object({ outcomes: z.array(ActionOutcome) });
export type ActionReply = z.infer<typeof ActionReply>;

/** A figure that may be missing: null with the reason, never 0 in its place. */
export const Figure = z.object({ value: z.number().nullable(), reason: z.string().optional() });
export type Figure = z.infer<typeof Figure>;
