import { z } from "@hono/zod-openapi";
import { topicsOfText } from "../../api/live-topics.js";
import { ApiError, route, TakeOverReply } from "../route.js";

/** `task:{id}` and the like: what comes after the colon is anybody's text, of as many characters as an id in a path may have. */
const TOPIC = /^(stats|workers|queues|tasks|schedules|(task|log|run|operation):[\s\S]{1,1000})$/u;
const MOST_TOPICS = 200;

const EventsQuery = z.object({
  /** Comma-separated, as `topicsText` writes them. */
  topics: z.string().min(1).max(20_000),
  /** As the `Last-Event-ID` header, for clients that cannot set one. */
  lastEventId: z.string().max(100).optional(),
});

/** The live stream. */
export const eventsRoutes = [
  route(
    {
      method: "get",
      path: "/events",
      tag: "live",
      summary:
        "Server-sent events of the topics, as api/live.ts has them; Last-Event-ID gets what was missed in the last minute",
      role: "viewer",
      query: EventsQuery,
      response: z.string(),
      contentType: "text/event-stream",
    },
    async ({ parts, user, query, headers, stillAllowed }) => {
      const topics = readTopics(query.topics);
      const lastEventId = headers.get("last-event-id") ?? query.lastEventId;
      return new TakeOverReply((response) =>
        parts.live.open({ response, topics, lastEventId, seesPayloads: user.seesPayloads, stillAllowed }),
      );
    },
  ),
];

function readTopics(text: string): readonly string[] {
  const topics = topicsOfText(text);
  if (topics.length > MOST_TOPICS) throw badTopics(`${topics.length} topics at once: at most ${MOST_TOPICS}`);
  return topics.map((topic) => {
    if (topic === undefined) throw badTopics("a % in a topic is written %25, a comma %2C");
    if (!TOPIC.test(topic)) throw badTopics(`there is no topic ${JSON.stringify(topic.slice(0, 100))}`);
    return topic;
  });
}

function badTopics(message: string): ApiError {
  return new ApiError(400, "validation", message, { errors: [{ path: "topics", message }] });
}
