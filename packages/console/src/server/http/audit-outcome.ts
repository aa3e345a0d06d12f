import { RouteReply } from "../route.js";

/** What an action's reply says it did, for the audit trail: "2 done, 1 refused". Undefined for replies that say nothing of the kind. */
export function auditOutcome(reply: unknown): string | undefined {
  const body = reply instanceof RouteReply ? reply.body : reply;
  if (typeof body !== "object" || body === null || !("outcomes" in body) || !Array.isArray(body.outcomes))
    return undefined;
  const counts = new Map<string, number>();
  for (const each of body.outcomes) {
    const outcome: unknown = typeof each === "object" && each !== null ? Reflect.get(each, "outcome") : undefined;
    if (typeof outcome === "string") counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  if (counts.size === 0) return "nothing to do";
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
}
