import { nameInPath } from "../../api/path-names.js";

/** Paths of pages, `*` for one percent-encoded name (console.md, §2). What is none of these is answered by the same page, as a 404. */
export const PAGE_PATHS: readonly string[] = [
  "/",
  "/workers",
  "/workers/*",
  "/tasks",
  "/tasks/errors",
  "/tasks/send",
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
];

const PATTERNS: readonly RegExp[] = PAGE_PATHS.map((path) => new RegExp(`^${path.replaceAll("*", "[^/]+")}/?$`));

/** Whether the console has a page at this path, as it came: still percent-encoded. */
export function isPagePath(path: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(path));
}

/** Flower's pages and where their like is here. */
export function flowerPageTarget(path: string): string | undefined {
  if (path === "/broker") return "/queues";
  const [, kind, segment] = /^\/(worker|task)\/([^/]+)$/.exec(path) ?? [];
  if (segment === undefined) return undefined;
  const name = nameInPath(decoded(segment));
  return kind === "worker" ? `/workers/${name}` : `/tasks/${name}`;
}

/** A segment whose per cents encode nothing is a name as it stands. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
