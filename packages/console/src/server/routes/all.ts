import type { Route } from "../route.js";
import { auditRoutes } from "./audit.js";
import { deadLettersRoutes } from "./dead-letters.js";
import { errorsRoutes } from "./errors.js";
import { eventsRoutes } from "./events.js";
import { jobsRoutes } from "./jobs.js";
import { meRoutes } from "./me.js";
import { operationsRoutes } from "./operations.js";
import { overviewRoutes } from "./overview.js";
import { queuesRoutes } from "./queues.js";
import { systemRoutes } from "./system.js";
import { taskTypesRoutes } from "./task-types.js";
import { tasksRoutes } from "./tasks.js";
import { tokensRoutes } from "./tokens.js";
import { usersRoutes } from "./users.js";
import { viewsRoutes } from "./views.js";
import { workersRoutes } from "./workers.js";

/** The route table of `/api/v1`: one file of routes for each resource. */
export const allRoutes: readonly Route[] = [
  ...overviewRoutes,
  ...workersRoutes,
  ...tasksRoutes,
  ...errorsRoutes,
  ...taskTypesRoutes,
  ...queuesRoutes,
  ...deadLettersRoutes,
  ...jobsRoutes,
  ...operationsRoutes,
  ...meRoutes,
  ...usersRoutes,
  ...tokensRoutes,
  ...viewsRoutes,
  ...auditRoutes,
  ...systemRoutes,
  ...eventsRoutes,
];
