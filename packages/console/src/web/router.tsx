import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  useParams,
  useRouterState,
} from "@tanstack/react-router";
import type { ReactNode } from "react";
import { nameOfSegment } from "../api/path-names.js";
import { ErrorState, Skeleton } from "./components/page-states.js";
import { Shell } from "./components/shell.js";
import { parseSearch, stringifySearch } from "./state/url-state.js";

/** The pages of the console. Each is loaded when it is first opened. */

const root = createRootRoute({
  component: Root,
  notFoundComponent: lazyRouteComponent(() => import("./pages/not-found-page.js"), "NotFoundPage"),
});

/** The login stands alone: without a session there is nothing to frame. */
function Root() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  if (path === "/login") return <Outlet />;
  return (
    <Shell>
      <Outlet />
    </Shell>
  );
}

/** The parts of a page's path, decoded; each page is given those of its own path. */
export interface PageParams {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly run: string;
}

function page<const P extends string>(path: P, load: () => Promise<(props: PageParams) => ReactNode>) {
  const Lazy = lazyRouteComponent(async () => ({ default: await load() }));
  const component = () => {
    const segments: Readonly<Record<string, string>> = useParams({ strict: false });
    const params: Partial<PageParams> = Object.fromEntries(
      Object.entries(segments).map(([part, text]) => [part, nameOfSegment(text)]),
    );
    // Another task, worker or job is another page: nothing of the one before may stay in its state. The path has what its page asks for.
    return <Lazy key={JSON.stringify(params)} {...(params as PageParams)} />;
  };
  return createRoute({
    getParentRoute: () => root,
    path,
    component: Object.assign(component, { preload: async () => Lazy.preload?.() }),
  });
}

const routes = [
  page("/", async () => (await import("./pages/overview-page.js")).OverviewPage),
  page("/workers", async () => (await import("./pages/workers-page.js")).WorkersPage),
  page("/workers/$name", async () => (await import("./pages/worker-page.js")).WorkerPage),
  page("/tasks", async () => (await import("./pages/tasks-page.js")).TasksPage),
  page("/tasks/errors", async () => (await import("./pages/errors-page.js")).ErrorsPage),
  page("/tasks/send", async () => (await import("./pages/send-page.js")).SendPage),
  page("/tasks/$id", async () => (await import("./pages/task-page.js")).TaskPage),
  page("/task-types", async () => (await import("./pages/task-types-page.js")).TaskTypesPage),
  page("/task-types/$name", async () => (await import("./pages/task-type-page.js")).TaskTypePage),
  page("/queues", async () => (await import("./pages/queues-page.js")).QueuesPage),
  page("/queues/$name", async () => (await import("./pages/queue-page.js")).QueuePage),
  page("/dead-letters", async () => (await import("./pages/dead-letters-page.js")).DeadLettersPage),
  page("/jobs", async () => (await import("./pages/jobs-page.js")).JobsPage),
  page("/jobs/new", async () => (await import("./pages/job-edit-page.js")).JobEditPage),
  page("/jobs/$slug", async () => (await import("./pages/job-page.js")).JobPage),
  page("/jobs/$slug/edit", async () => (await import("./pages/job-edit-page.js")).JobEditPage),
  page("/jobs/$slug/runs/$run", async () => (await import("./pages/run-page.js")).RunPage),
  page("/operations", async () => (await import("./pages/operations-page.js")).OperationsPage),
  page("/operations/$id", async () => (await import("./pages/operation-page.js")).OperationPage),
  page("/settings", async () => (await import("./pages/settings-page.js")).SettingsPage),
  page("/settings/system", async () => (await import("./pages/system-page.js")).SystemPage),
  page("/settings/users", async () => (await import("./pages/users-page.js")).UsersPage),
  page("/settings/tokens", async () => (await import("./pages/tokens-page.js")).TokensPage),
  page("/settings/audit", async () => (await import("./pages/audit-page.js")).AuditPage),
  page("/login", async () => (await import("./pages/login-page.js")).LoginPage),
];

/** The router, under the prefix that the server wrote into `<base>`. */
export function makeRouter() {
  return createRouter({
    routeTree: root.addChildren(routes),
    basepath: new URL(document.baseURI).pathname,
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultPendingMs: 150,
    defaultPendingComponent: () => <Skeleton lines={10} />,
    // A file of an older version is gone after an upgrade: loading the page anew brings the new ones.
    defaultErrorComponent: ({ error }) => <ErrorState error={error} onRetry={() => window.location.reload()} />,
    scrollRestoration: false,
  });
}
export type AppRouter = ReturnType<typeof makeRouter>;
