import { z } from "@hono/zod-openapi";
import { NewView, SavedView, SavedViewList, ViewChange } from "../../api/operations.js";
import { requireRole } from "../auth/require-role.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, RouteReply, route, type User } from "../route.js";

/** Of one user: a list of names that still fits a menu. */
const MOST_VIEWS = 200;
const ViewId = z.object({ id: z.string() });

/** Saved filters. Everybody keeps their own; an admin shares them. */
export const viewsRoutes = [
  route(
    {
      method: "get",
      path: "/views",
      tag: "views",
      summary: "Own and shared views",
      role: "viewer",
      response: SavedViewList,
    },
    async ({ parts, user }) => ({ items: [...(await parts.views.visibleTo(user.name))] }),
  ),
  route(
    {
      method: "post",
      path: "/views",
      tag: "views",
      summary: "Save a view",
      role: "viewer",
      body: NewView,
      response: SavedView,
      status: 201,
      audit: { action: "save view", target: ({ body }) => NewView.parse(body).name },
    },
    async ({ parts, user, body }) => {
      if (body.shared) requireRole(user, "admin");
      if ((await parts.views.countOf(user.name)) >= MOST_VIEWS) {
        throw new ApiError(409, "too_many_views", `${user.name} has ${MOST_VIEWS} views already`);
      }
      return parts.views.create(body, user.name);
    },
  ),
  route(
    {
      method: "patch",
      path: "/views/{id}",
      tag: "views",
      summary: "Rename, change or share a view",
      role: "viewer",
      params: ViewId,
      body: ViewChange,
      response: SavedView,
      audit: { action: "change view", target: ({ params }) => params.id ?? "" },
    },
    async ({ parts, user, params, body }) => {
      const view = await changeableView(parts, user, params.id);
      if (body.shared !== undefined && body.shared !== view.shared) requireRole(user, "admin");
      return parts.views.change(view, {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.search === undefined ? {} : { search: body.search }),
        ...(body.shared === undefined ? {} : { shared: body.shared }),
      });
    },
  ),
  route(
    {
      method: "delete",
      path: "/views/{id}",
      tag: "views",
      summary: "Delete a view",
      role: "viewer",
      params: ViewId,
      response: z.object({ deleted: z.boolean() }),
      audit: { action: "delete view", target: ({ params }) => params.id ?? "" },
    },
    async ({ parts, user, params }) => {
      const view = await changeableView(parts, user, params.id);
      await parts.views.delete(view.id);
      return new RouteReply({ deleted: true });
    },
  ),
];

/** One's own, or a shared one for an admin. */
async function changeableView(parts: ConsoleParts, user: User, id: string): Promise<SavedView> {
  const view = await parts.views.get(id, user.name);
  if (view === undefined) throw new ApiError(404, "not_found", `there is no view ${id}`);
  if (view.shared) requireRole(user, "admin");
  return view;
}
