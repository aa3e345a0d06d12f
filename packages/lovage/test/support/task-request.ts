import { randomUUID } from "node:crypto";
import type { TaskRequest } from "../../src/request.js";

/** A request for a task with positional arguments, as a worker would make it from a message. */
export function taskRequest(
  name: string,
  args: readonly unknown[] = [],
  overrides: Partial<TaskRequest> = {},
): TaskRequest {
  const id = randomUUID();
  return {
    id,
    name,
    body: { encoded: JSON.stringify([args, {}, { callbacks: null, errbacks: null, chain: null, chord: null }]) },
    retries: 0,
    deliveries: 1,
    fencingToken: 1,
    eta: null,
    expires: null,
    hostname: "worker@test",
    queue: "celery",
    rootId: id,
    parentId: null,
    groupId: null,
    groupIndex: null,
    correlationId: id,
    replyTo: null,
    origin: null,
    shadow: null,
    headers: {},
    timeLimit: null,
    softTimeLimit: null,
    ...overrides,
  };
}
