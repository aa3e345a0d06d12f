import type { TaskType } from "../../../api/tasks.js";

/** Share of failures among the runs; null of none. */
export function failureShare({ runs, failures }: Pick<TaskType, "runs" | "failures">): number | null {
  return runs === 0 ? null : failures / runs;
}

/** Sorted by a column, `-` before it for descending; what has no such figure comes last either way. */
export function sortTypes(types: readonly TaskType[], sort: string): TaskType[] {
  const descending = sort.startsWith("-");
  const column = descending ? sort.slice(1) : sort;
  return [...types].sort((a, b) => {
    const [one, other] = [figureOf(a, column), figureOf(b, column)];
    if (one === null || other === null) {
      return one === other ? a.name.localeCompare(b.name) : one === null ? 1 : -1;
    }
    const order =
      typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
    return (descending ? -order : order) || a.name.localeCompare(b.name);
  });
}

function figureOf(type: TaskType, column: string): number | string | null {
  switch (column) {
    case "registered":
      return type.registeredOn.length;
    case "runs":
      return type.runs;
    case "failures":
      return failureShare(type);
    case "runtimeP50":
      return type.runtimeP50;
    case "runtimeP95":
      return type.runtimeP95;
    case "waitP95":
      return type.waitP95;
    case "lastRun":
      return type.lastRun;
    default:
      return type.name;
  }
}
