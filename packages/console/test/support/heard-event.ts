import type { HeardEvent } from "../../src/server/parts.js";
import { emptyRecord, type TaskRecord } from "../../src/server/store/task-record.js";

/** An event about a task whose record after it is `after`. */
export function heard(
  type: string,
  fields: Readonly<Record<string, unknown>> = {},
  after: Partial<TaskRecord> = {},
  hostname = "w1@a",
  before: Partial<TaskRecord> = {},
): HeardEvent {
  return {
    type,
    hostname,
    timestamp: 0,
    fields: { uuid: "t1", ...fields },
    before: { ...emptyRecord("t1", 0), ...before },
    after: { ...emptyRecord("t1", 0), ...after },
  };
}
