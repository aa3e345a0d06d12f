import { z } from "@hono/zod-openapi";
import { NewUser, UserChange, UserItem, UserList } from "../../api/operations.js";
import { route } from "../route.js";

/** Users with a password of the console's own. */
export const usersRoutes = [
  route(
    { method: "get", path: "/users", tag: "users", summary: "All users", role: "admin", response: UserList },
    async ({ parts }) => ({ items: [...(await parts.accounts.list())] }),
  ),
  route(
    {
      method: "post",
      path: "/users",
      tag: "users",
      summary: "Add a user",
      role: "admin",
      body: NewUser,
      response: UserItem,
      status: 201,
      audit: { action: "add user", target: ({ body }) => NewUser.parse(body).name },
    },
    async ({ parts, body }) => parts.accounts.create(body),
  ),
  route(
    {
      method: "patch",
      path: "/users/{name}",
      tag: "users",
      summary: "Change a user's role or password, disable or enable them",
      role: "admin",
      params: z.object({ name: z.string() }),
      body: UserChange,
      response: UserItem,
      audit: { action: "change user", target: ({ params }) => params.name ?? "" },
    },
    async ({ parts, params, body }) => parts.accounts.change(params.name, body),
  ),
];
