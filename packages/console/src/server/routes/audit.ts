import { z } from "@hono/zod-openapi";
import { type AuditEntry, AuditPage, AuditQuery } from "../../api/operations.js";
import { csvLine, jsonItems } from "../http/export-rows.js";
import { route, StreamReply, type User } from "../route.js";

const MOST_EXPORTED = 100_000;
const AuditExportQuery = AuditQuery.omit({ limit: true, cursor: true, sort: true }).extend({
  format: z.enum(["csv", "json"]).default("csv"),
});
const COLUMNS = ["id", "at", "user", "role", "via", "action", "target", "parameters", "outcome", "address"] as const;

/** What was done, by whom. Parameters may hold arguments of tasks: they are left out for those who may not see such. */
export const auditRoutes = [
  route(
    {
      method: "get",
      path: "/audit",
      tag: "audit",
      summary: "The audit trail, newest first",
      role: "viewer",
      query: AuditQuery,
      response: AuditPage,
    },
    async ({ parts, user, query }) => {
      const page = await parts.audit.list(query, query);
      return {
        items: page.items.map((entry) => shownTo(user, entry)),
        nextCursor: page.nextCursor,
        total: { count: page.total, exact: true },
      };
    },
  ),
  route(
    {
      method: "get",
      path: "/audit/export",
      tag: "audit",
      summary: "The filtered audit trail as a file, at most 100,000 lines",
      role: "viewer",
      query: AuditExportQuery,
      response: z.string(),
      contentType: "text/csv",
    },
    async ({ parts, user, query }) => {
      const entries = parts.audit.export(query, MOST_EXPORTED);
      if (query.format === "json") {
        const items = mapped(entries, (entry) => shownTo(user, entry));
        return new StreamReply(jsonItems(items), { contentType: "application/json", fileName: "audit.json" });
      }
      return new StreamReply(csvOf(entries, user), { contentType: "text/csv; charset=utf-8", fileName: "audit.csv" });
    },
  ),
];

function shownTo(user: User, entry: AuditEntry): AuditEntry {
  return user.seesPayloads ? entry : { ...entry, parameters: {} };
}

async function* csvOf(entries: AsyncIterable<AuditEntry>, user: User): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for await (const entry of entries) {
    const shown = shownTo(user, entry);
    yield csvLine(
      COLUMNS.map((column) => (column === "parameters" ? JSON.stringify(shown.parameters) : shown[column])),
    );
  }
}

async function* mapped<A, B>(items: AsyncIterable<A>, change: (item: A) => B): AsyncGenerator<B> {
  for await (const item of items) yield change(item);
}
