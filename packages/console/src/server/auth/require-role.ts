import { ROLES, type Role } from "../../api/common.js";
import { ApiError, type User } from "../route.js";

/** Throws a 403 that says what is needed. Each role may what those before it may. */
export function requireRole(user: User, needed: Role): void {
  if (ROLES.indexOf(user.role) < ROLES.indexOf(needed)) {
    throw new ApiError(403, "forbidden", `this needs the role ${needed}; ${user.name} is ${user.role}`);
  }
}
