import { useParams } from "@tanstack/react-router";

/** A part of the page's path, decoded: `useParam("name")` on `/workers/celery%40a` is `celery@a`. */
export function useParam(name: "name" | "id" | "slug" | "run"): string {
  const params: Readonly<Record<string, string | undefined>> = useParams({ strict: false });
  return params[name] ?? "";
}
