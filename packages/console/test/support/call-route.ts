import type { ConsoleParts } from "../../src/server/parts.js";
import { type Method, type Route, RouteReply, StreamReply, type User } from "../../src/server/route.js";

export const ADMIN: User = { name: "ann", role: "admin", seesPayloads: true, via: "api", address: "127.0.0.1" };

export interface Call {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly user?: User;
}

/** Calls a route as the server does: parsed by its schemas, its answer checked by its own. */
export async function callRoute(
  routes: readonly Route[],
  parts: ConsoleParts,
  method: Method,
  path: string,
  call: Call = {},
): Promise<unknown> {
  const found = routes.find(({ definition }) => definition.method === method && definition.path === path);
  if (!found) throw new Error(`there is no route ${method} ${path}`);
  const { definition } = found;
  const answer = await found.handle({
    parts,
    user: call.user ?? ADMIN,
    params: definition.params?.parse(call.params ?? {}),
    query: definition.query?.parse(call.query ?? {}),
    body: definition.body?.parse(call.body ?? {}),
    signal: new AbortController().signal,
    headers: new Headers(),
    stillAllowed: async () => true,
  });
  if (answer instanceof RouteReply || answer instanceof StreamReply) return answer;
  return definition.response.parse(JSON.parse(JSON.stringify(answer)));
}
