import { useMemo } from "react";
import type { TaskType } from "../../../api/tasks.js";
import { useApi } from "../../api/use-api.js";
import type { SearchKey } from "../../components/search-box.js";
import { CHIP_STATES } from "./task-states.js";

/** Keys of the search language, with the values that are known now: they complete as one types. */
export function useTaskSearchKeys(): readonly SearchKey[] {
  const types = useApi<{ readonly items: readonly TaskType[] }>("task-types");
  const queues = useApi<{ readonly items: readonly { readonly name: string }[] }>("queues");
  const workers = useApi<{ readonly items: readonly { readonly name: string }[] }>("workers");
  const jobs = useApi<{ readonly items: readonly { readonly slug: string }[] }>("jobs");
  return useMemo(
    () => [
      { key: "state", hint: "exact", values: CHIP_STATES },
      { key: "name", hint: "contains", values: (types.data?.items ?? []).map((each) => each.name) },
      { key: "id", hint: "contains" },
      { key: "worker", hint: "contains", values: (workers.data?.items ?? []).map((each) => each.name) },
      { key: "queue", hint: "contains", values: (queues.data?.items ?? []).map((each) => each.name) },
      { key: "args", hint: "contains" },
      { key: "kwargs", hint: "key=value, or contains" },
      { key: "result", hint: "contains" },
      { key: "error", hint: "contains" },
      { key: "root", hint: "an id" },
      { key: "parent", hint: "an id" },
      { key: "group", hint: "an id" },
      { key: "schedule", hint: "contains" },
      { key: "job", hint: "contains", values: (jobs.data?.items ?? []).map((each) => each.slug) },
      { key: "runtime", hint: ">5 seconds" },
      { key: "wait", hint: ">60 seconds" },
      { key: "retries", hint: ">0" },
      { key: "received", hint: ">2026-01-31T10:00" },
    ],
    [types.data, queues.data, workers.data, jobs.data],
  );
}
