/** Paths of pages, `*` for one percent-encoded name (console.md, §2). What is none of these is answered by the same page, as a 404. */
const PAGE_PATHS = [
  "/",
  "/workers",
  "/workers/*",
  "/tasks",
  "/tasks/errors",
  "/tasks/*",
  "/task-types",
  "/task-types/*",
  "/queues",
  "/queues/*",
  "/dead-letters",
  "/jobs",
  "/jobs/new",
  "/jobs/*",
  "/jobs/*/edit",
  "/jobs/*/runs/*",
  "/operations",
  "/operations/*",
  "/settings",
  "/settings/*",
  "/login",
] as const;

const PATTERNS: readonly RegExp[] = PAGE_PATHS.map((path) => new RegExp(`^${path.replaceAll("*", "[^/]+")}/?$`));

/** Whether the console has a page at this path, as it came: still percent-encoded. */
export function isPagePath(path: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(path));
}

/** Flower's pages and where their like is here; the name keeps its encoding. */
export function flowerPageTarget(path: string): string | undefined {
  if (path === "/broker") return "/queues";
  const [, kind, name] = /^\/(worker|task)\/([^/]+)$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  return kind === "worker" ? `/workers/${name}` : `/tasks/${name}`;
}
