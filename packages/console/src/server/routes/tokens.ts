import { z } from "@hono/zod-openapi";
import { CreatedToken, NewToken, TokenChange, TokenItem, TokenList } from "../../api/operations.js";
import { ApiError, RouteReply, route } from "../route.js";

/** Tokens of programs. */
export const tokensRoutes = [
  route(
    {
      method: "get",
      path: "/tokens",
      tag: "tokens",
      summary: "All tokens, without what is secret of them",
      role: "admin",
      response: TokenList,
    },
    async ({ parts }) => ({ items: [...(await parts.accounts.tokens.list())] }),
  ),
  route(
    {
      method: "post",
      path: "/tokens",
      tag: "tokens",
      summary: "Make a token; it is shown in this reply only",
      role: "admin",
      body: NewToken,
      response: CreatedToken,
      status: 201,
      secretReply: true,
      audit: { action: "make token", target: ({ body }) => NewToken.parse(body).name },
    },
    async ({ parts, body }) => {
      const expires = body.expires === null ? null : new Date(body.expires);
      if (expires !== null && expires <= parts.now()) {
        throw new ApiError(400, "validation", "the token would be over already", {
          errors: [{ path: "expires", message: "is in the past" }],
        });
      }
      const created = await parts.accounts.tokens.create({ name: body.name, role: body.role, expires });
      return new RouteReply(created, { status: 201, headers: { "cache-control": "no-store" } });
    },
  ),
  route(
    {
      method: "patch",
      path: "/tokens/{id}",
      tag: "tokens",
      summary: "Rename a token, change its role or end, disable or enable it",
      role: "admin",
      params: z.object({ id: z.string() }),
      body: TokenChange,
      response: TokenItem,
      audit: { action: "change token", target: ({ params }) => params.id ?? "" },
    },
    async ({ parts, params, body }) => {
      const changed = await parts.accounts.tokens.change(params.id, {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.role === undefined ? {} : { role: body.role }),
        ...(body.disabled === undefined ? {} : { disabled: body.disabled }),
        ...(body.expires === undefined ? {} : { expires: body.expires === null ? null : new Date(body.expires) }),
      });
      if (changed === undefined) throw new ApiError(404, "not_found", `there is no token ${params.id}`);
      parts.accounts.noteChange();
      return changed;
    },
  ),
];
