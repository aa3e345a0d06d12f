import { z } from "@hono/zod-openapi";
import { ActionReply, Figure, Instant, Json, ListQuery, pageOf, Seconds } from "./common.js";

export const QueueSummary = z.object({
  name: z.string(),
  /** `celeryev.*`, pidbox, reply queues, our own: behind a switch. */
  internal: z.boolean(),
  state: z.enum(["running", "paused", "no-consumer"]),
  ready: Figure,
  unacked: Figure,
  scheduled: Figure,
  total: Figure,
  /** Seconds that the oldest ready message has waited. */
  oldestAge: Figure,
  consumers: Figure,
  /** Messages a second over the last minute. */
  inRate: Figure,
  deliverRate: Figure,
  ackRate: Figure,
  redeliverRate: Figure,
  dead: z.number().int(),
  /** Ready messages in the last five minutes, oldest first; null where there was no sample. */
  sparkline: z.array(z.number().nullable()),
  sampledAt: Instant.nullable(),
});
export type QueueSummary = z.infer<typeof QueueSummary>;
export const QueueList = z.object({ items: z.array(QueueSummary), peek: z.enum(["clean", "disturbs"]) });
export type QueueList = z.infer<typeof QueueList>;

export const QueueDetail = QueueSummary.extend({
  consumersList: z.array(
    z.object({
      worker: z.string(),
      tag: z.string().nullable(),
      prefetch: z.number().int().nullable(),
      ack: z.boolean().nullable(),
      active: z.number().int().nullable(),
    }),
  ),
  bindings: z.array(
    z.object({
      exchange: z.string(),
      exchangeType: z.string(),
      routingKey: z.string(),
      arguments: z.record(z.string(), Json),
    }),
  ),
  settings: z.array(z.object({ name: z.string(), value: Json })),
  /** Who says so: the broker itself, workers that consume it, or the app's settings alone; null when nobody does. */
  definedBy: z.enum(["broker", "workers", "app"]).nullable(),
  /** Why the broker does not tell; null when it was not in the way. */
  notTold: z.string().nullable(),
  peek: z.enum(["clean", "disturbs"]),
});
export type QueueDetail = z.infer<typeof QueueDetail>;

export const QueueMessage = z.object({
  /** Names it for removal and moving. */
  key: z.string(),
  position: z.number().int(),
  state: z.enum(["ready", "unacked", "scheduled"]),
  task: z.string().nullable(),
  id: z.string().nullable(),
  /** One-line texts. */
  args: z.string().nullable(),
  kwargs: z.string().nullable(),
  priority: z.number().nullable(),
  eta: Instant.nullable(),
  expires: Instant.nullable(),
  sizeBytes: z.number().int(),
  deliveries: z.number().int(),
  sent: Instant.nullable(),
  origin: z.string().nullable(),
  headers: z.record(z.string(), Json),
  properties: z.record(z.string(), Json),
  contentType: z.string(),
  contentEncoding: z.string(),
  /** Decoded where it is JSON and small enough; else null, and `bodyText` has what can be shown. */
  body: Json,
  bodyText: z.string(),
  bodyCut: z.boolean(),
});
export type QueueMessage = z.infer<typeof QueueMessage>;

/** `from`: where to look. Peeks at most 50. */
export const PeekQuery = z.object({
  from: z.enum(["head", "tail"]).default("head"),
  limit: z.coerce.number().int().min(1).max(50).default(50),
});
/** `keys` or the first `n` messages, or `all`. */
export const MoveMessages = z.object({
  to: z.string().min(1).max(255),
  keys: z.array(z.string()).max(1000).optional(),
  n: z.number().int().min(1).optional(),
  all: z.boolean().default(false),
});
/** `confirm`: the queue's name, or the number of messages, typed. */
export const PurgeQueue = z.object({ confirm: z.string() });
export const CreateQueue = z.object({
  name: z.string().min(1).max(255),
  maxPriority: z.number().int().min(1).max(9).optional(),
  type: z.enum(["classic", "quorum"]).optional(),
});
export const Binding = z.object({
  exchange: z.string().min(1).max(255),
  exchangeType: z.enum(["direct", "topic", "fanout"]).default("direct"),
  routingKey: z.string().max(255),
});
export const CountReply = z.object({ count: z.number().int() });

export const DeadLetterItem = z.object({
  key: z.string(),
  /** Null for one that could not be decoded. */
  task: z.string().nullable(),
  id: z.string().nullable(),
  queue: z.string(),
  reason: z.string(),
  error: z.string(),
  deliveries: z.number().int(),
  died: Instant,
  worker: z.string(),
  sizeBytes: z.number().int(),
  replayed: z.number().int(),
  /** The deaths before it was replayed, the newest first; at most ten. */
  earlier: z.array(
    z.object({ reason: z.string(), queue: z.string(), worker: z.string(), died: Instant, error: z.string() }),
  ),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  memoryBytes: z.number().nullable(),
  message: QueueMessage,
});
export type DeadLetterItem = z.infer<typeof DeadLetterItem>;
export const DeadLetterFilter = z.object({
  q: z.string().max(500).optional(),
  task: z.string().optional(),
  queue: z.string().optional(),
  reason: z.string().optional(),
  worker: z.string().optional(),
});
export type DeadLetterFilter = z.infer<typeof DeadLetterFilter>;
export const DeadLetterQuery = ListQuery.extend(DeadLetterFilter.shape);
export const DeadLetterPage = pageOf(DeadLetterItem).extend({
  /** Values there are, for the filters. */
  facets: z.object({
    tasks: z.array(z.string()),
    queues: z.array(z.string()),
    reasons: z.array(z.string()),
    workers: z.array(z.string()),
  }),
});
export type DeadLetterPage = z.infer<typeof DeadLetterPage>;
/** `keys`, or all that match `filter`. `to`: elsewhere than where they came from. */
export const ReplayDeadLetters = z.object({
  keys: z.array(z.string()).max(1000).optional(),
  filter: DeadLetterFilter.optional(),
  to: z.string().max(255).optional(),
});
export const DeleteDeadLetters = ReplayDeadLetters.omit({ to: true });
/** What became of each; `count` is how many were replayed or deleted. */
export const DeadLetterReply = ActionReply.extend({ count: z.number().int() });
export type DeadLetterReply = z.infer<typeof DeadLetterReply>;
export const QueueListQuery = z.object({
  q: z.string().max(255).optional(),
  /** Only those with ready or scheduled messages. */
  backlog: z.stringbool().optional(),
  /** Only those that nobody consumes. */
  unconsumed: z.stringbool().optional(),
  /** Internal ones too. */
  internal: z.stringbool().default(false),
});
export const QueueMessages = z.object({
  items: z.array(QueueMessage),
  peek: z.enum(["clean", "disturbs"]),
  /** Messages that are ready; null when the broker cannot tell. */
  ready: z.number().int().nullable(),
});
export type QueueMessages = z.infer<typeof QueueMessages>;
/** The queue's name, typed. */
export const DeleteQueue = z.object({ confirm: z.string() });
/** A binding by its exchange and key. */
export const BindingName = z.object({ exchange: z.string().min(1).max(255), routingKey: z.string().max(255) });
export const QueueRates = z.object({ window: Seconds });
