import { randomUUID } from "node:crypto";

/** A new task, ticket or mailbox id: a UUIDv4, as Celery makes them. */
export function newId(): string {
  return randomUUID();
}
