import type { TaskValueName } from "../../../api/tasks.js";
import { apiPath } from "../../api/client.js";

/** Where the whole of a task's value can be had, as a path of the API. */
export function wholeValue(id: string, value: TaskValueName): string {
  return apiPath`tasks/${id}/values/${value}`;
}
