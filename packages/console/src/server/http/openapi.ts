import { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "../../api/common.js";
import type { Route, RouteDefinition } from "../route.js";
import { API_ROOT } from "./register-routes.js";

/** As much of an OpenAPI 3.1 document as the reader shows. */
export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** The OpenAPI 3.1 document of a route table. `prefix` is the console's `--url-prefix`. */
export function openApiDocument(
  routes: readonly Route[],
  options: { readonly version: string; readonly prefix: string },
): OpenApiDocument {
  const documented = new OpenAPIHono();
  const { openAPIRegistry: registry } = documented;
  registry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "password", { type: "http", scheme: "basic" });
  for (const { definition } of routes) registry.registerPath(pathOf(definition));
  return documented.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Lovage console",
      version: options.version,
      description:
        'Instants are ISO 8601 in UTC, durations are seconds. Numbers beyond 2^53 travel as {"$bigint": "…"}. ' +
        "Names in paths are percent-encoded; one that is . or .. or begins with ~, or is a word that stands there already " +
        "(a task with the id errors), has a ~ before it. " +
        "Errors are application/problem+json with a code that docs/errors.md explains.",
    },
    servers: [{ url: `${options.prefix}/` }],
    security: [{ token: [] }, { password: [] }],
  });
}

type PathConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function pathOf(definition: RouteDefinition): PathConfig {
  const status = definition.status ?? 200;
  const ok = definition.contentType ?? "application/json";
  return {
    method: definition.method,
    path: API_ROOT + definition.path,
    operationId: operationId(definition),
    tags: [definition.tag],
    summary: definition.summary,
    description: definition.open ? "Needs no login." : `Needs the role ${definition.role}.`,
    ...(definition.open ? { security: [] } : {}),
    request: {
      ...(definition.params === undefined ? {} : { params: definition.params }),
      ...(definition.query === undefined ? {} : { query: definition.query }),
      ...(definition.body === undefined
        ? {}
        : { body: { content: { "application/json": { schema: definition.body } }, required: true } }),
    },
    responses: {
      [status]: { description: "Done", content: { [ok]: { schema: definition.response } } },
      default: { description: "Refused or failed", content: { "application/problem+json": { schema: Problem } } },
    },
  };
}

/** `get_tasks_id_events`: made of what is unique already. */
function operationId(definition: RouteDefinition): string {
  return `${definition.method}${definition.path.replace(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "")}`;
}
