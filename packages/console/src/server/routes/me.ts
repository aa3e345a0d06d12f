import { z } from "@hono/zod-openapi";
import { LoggedIn, LogIn, Me } from "../../api/operations.js";
import { sessionCookie } from "../auth/session-cookie.js";
import { ApiError, RouteReply, route } from "../route.js";
import { consoleVersion } from "../version.js";

/** Who asks, and the way in and out. */
export const meRoutes = [
  route(
    {
      method: "get",
      path: "/me",
      tag: "me",
      summary: "Who asks, and what this console is",
      role: "viewer",
      response: Me,
    },
    async ({ parts, user }) => ({
      name: user.name,
      role: user.role,
      authMode: parts.options.auth,
      readOnly: parts.options.readOnly,
      seesPayloads: user.seesPayloads,
      environment: { ...parts.options.environment },
      links: parts.options.links.map((link) => ({ ...link })),
      version: consoleVersion(),
      hasApp: parts.hasApp,
      views: [...(await parts.views.visibleTo(user.name))],
    }),
  ),
  route(
    {
      method: "post",
      path: "/login",
      tag: "me",
      summary: "Log in with a name and a password; the reply sets the session's cookie",
      role: "viewer",
      open: true,
      body: LogIn,
      response: LoggedIn,
      audit: { action: "log in", target: ({ body }) => nameIn(body) },
    },
    async ({ parts, user, body, headers }) => {
      if (parts.options.auth !== "basic") {
        throw new ApiError(
          409,
          "login_not_used",
          `this console runs with --auth ${parts.options.auth}: there is no password to log in with`,
        );
      }
      const account = await parts.logins.check(body.name, body.password, user.address);
      const secret = await parts.accounts.sessions.begin(account.name, user.address);
      await parts.accounts.noteSeen(account.name);
      const cookie = sessionCookie(headers, secret, parts.options.urlPrefix);
      return new RouteReply({ name: account.name, role: account.role }, { headers: { "set-cookie": cookie } });
    },
  ),
  route(
    {
      method: "post",
      path: "/logout",
      tag: "me",
      summary: "Log out everywhere: all sessions of this user end, and their live streams",
      role: "viewer",
      response: z.object({ loggedOut: z.boolean() }),
      audit: { action: "log out", target: ({ user }) => user.name },
    },
    async ({ parts, user, headers }) => {
      await parts.accounts.logOut(user.name);
      const cookie = sessionCookie(headers, undefined, parts.options.urlPrefix);
      return new RouteReply({ loggedOut: true }, { headers: { "set-cookie": cookie } });
    },
  ),
];

function nameIn(body: unknown): string {
  const name: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "name") : undefined;
  return typeof name === "string" ? name : "";
}
