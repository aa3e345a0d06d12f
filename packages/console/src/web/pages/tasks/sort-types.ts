import type { TaskType } from "../../../api/tasks.js";
import { type SortValue, sortRows } from "../../components/sort-rows.js";

/** Share of failures among the runs; null of none. */
export function failureShare({ runs, failures }: Pick<TaskType, "runs" | "failures">): number | null {
  return runs === 0 ? null : failures / runs;
}

/** Sorted by a column, `-` before it for descending. */
export function sortTypes(types: readonly TaskType[], sort: string): TaskType[] {
  return sortRows(types, sort, figureOf, ({ name }) => name);
}

function figureOf(type: TaskType, column: string): SortValue {
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
