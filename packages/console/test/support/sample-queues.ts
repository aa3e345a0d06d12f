import type { DeadLetterItem, DeadLetterPage, QueueDetail, QueueMessage, QueueSummary } from "../../src/api/queues.js";

function ago(now: Date, seconds: number): string {
  return new Date(now.getTime() - seconds * 1000).toISOString();
}

const figure = (value: number) => ({ value });
const NO_COUNT = { value: null, reason: "this broker does not count what it hands out again" };

/** Queues in every state, one with a name that wants encoding, one of the console's own. */
export function sampleQueues(now: Date, internal = false): QueueSummary[] {
  const names = ["default", "mail", "images", "q.é 1/50%", "celeryev.7c1f0a52-0d1b-4f7e-9a52-1e8f3a0c6d11"];
  return names.slice(0, internal ? 5 : 4).map((name, index) => ({
    name,
    internal: index === 4,
    state: index === 2 ? "paused" : index === 3 ? "no-consumer" : "running",
    ready: figure(56 * index * (index === 2 ? 400 : 1)),
    unacked: figure(index === 3 ? 0 : 8),
    scheduled: figure(3),
    total: figure(56 * index * (index === 2 ? 400 : 1) + 11),
    oldestAge: index === 0 ? { value: null, reason: "no message is ready" } : figure(42 * index * index),
    consumers: figure(index > 1 ? 0 : 3),
    inRate: figure([4.2, 0.3, 12, 0, 31][index] ?? 0),
    deliverRate: figure([4.1, 0.3, 0, 0, 31][index] ?? 0),
    ackRate: figure([4, 0.3, 0, 0, 0][index] ?? 0),
    redeliverRate: index === 1 ? NO_COUNT : figure(0),
    dead: [4, 1, 0, 0, 0][index] ?? 0,
    sparkline: Array.from({ length: 60 }, (_, place) =>
      place < 12 && index === 1 ? null : index === 2 ? place * 380 : Math.round(40 + 30 * Math.sin(place / 6 + index)),
    ),
    sampledAt: ago(now, 3),
  }));
}

/** One queue with who consumes it and how it was declared; any other name is one nobody knows. */
export function sampleQueueDetail(now: Date, name: string, peek: QueueDetail["peek"]): QueueDetail | undefined {
  const summary = sampleQueues(now, true).find((queue) => queue.name === name);
  if (!summary) return undefined;
  const consumed = (summary.consumers.value ?? 0) > 0;
  return {
    ...summary,
    consumersList: consumed
      ? [
          { worker: "celery@web-1.eu-west.internal", tag: null, prefetch: 32, ack: true, active: 5 },
          { worker: "lovage@web-2", tag: null, prefetch: 16, ack: true, active: 3 },
        ]
      : [],
    bindings: consumed
      ? [
          { exchange: name, exchangeType: "direct", routingKey: name, arguments: {} },
          { exchange: "events", exchangeType: "topic", routingKey: "order.*.paid", arguments: { "x-match": "any" } },
        ]
      : [],
    settings: consumed
      ? [
          { name: "durable", value: true },
          { name: "auto_delete", value: false },
          { name: "max_priority", value: 9 },
          { name: "x-dead-letter-exchange", value: "dead" },
        ]
      : [],
    definedBy: "broker",
    notTold: null,
    peek,
  };
}

const TASKS = ["shop.orders.charge", "mail.send_receipt", "images.resize"];

/** Messages as a look finds them; one of them hostile, one that cannot be read. */
export function sampleMessages(now: Date, count = 12): QueueMessage[] {
  return Array.from({ length: count }, (_, index): QueueMessage => {
    const readable = index !== 4;
    const id = `9f6c1d0e-3b7a-4c55-8e21-${String(index).padStart(12, "0")}`;
    const body = [[index === 2 ? "<img src=x onerror=alert(1)>" : 1_000 + index, "eu-west"], { dry_run: false }, {}];
    return {
      key: `k${index}`,
      position: index + 1,
      state: "ready",
      task: readable ? (TASKS[index % TASKS.length] ?? null) : null,
      id: readable ? id : null,
      args: readable ? JSON.stringify(body[0]) : null,
      kwargs: readable ? JSON.stringify(body[1]) : null,
      priority: index % 4 === 0 ? 9 : null,
      eta: index === 6 ? ago(now, -900) : null,
      expires: index === 7 ? ago(now, -3_600) : null,
      sizeBytes: 812 + index * 97,
      deliveries: index === 0 ? 3 : 1,
      sent: ago(now, 600 - index * 40),
      origin: "gen4120@api-1",
      headers: { lang: "py", task: TASKS[index % TASKS.length], id, retries: 0, argsrepr: "(1000, 'eu-west')" },
      properties: { correlation_id: id, reply_to: "f1e2", priority: 0 },
      contentType: readable ? "application/json" : "application/octet-stream",
      contentEncoding: readable ? "utf-8" : "binary",
      body: readable ? body : null,
      bodyText: readable ? JSON.stringify(body) : "gASVDAAAAAAAAACMCGRhdGEuYmlulC4=",
      bodyCut: false,
    };
  });
}

const REASONS = ["deliveries_used_up", "unknown_task", "not_decodable", "content_disallowed", "rejected", "failed"];
const ERRORS = [
  "WorkerLostError: the process ended with signal 9 (SIGKILL)\n  memory then: 1.9 GiB",
  "NotRegistered: no task of the name images.resize2 is registered",
  "DecodeError: the body is no JSON: Unexpected token g at position 0",
];

/** Dead letters of every reason, filtered as the console does. */
export function sampleDeadLetters(now: Date, filter: URLSearchParams = new URLSearchParams()): DeadLetterPage {
  const all = sampleMessages(now, 14).map(
    (message, index): DeadLetterItem => ({
      key: message.key,
      task: message.task,
      id: message.id,
      queue: index % 5 === 1 ? "mail" : "default",
      reason: index === 4 ? "not_decodable" : (REASONS[index % REASONS.length] ?? "rejected"),
      error: ERRORS[index === 4 ? 2 : index % 2] ?? "",
      deliveries: index % 3 === 0 ? 5 : 1,
      died: ago(now, 500 + index * 660),
      worker: index % 2 === 0 ? "celery@web-1.eu-west.internal" : "lovage@web-2",
      sizeBytes: message.sizeBytes,
      replayed: [1, 0, 3][index] ?? 0,
      earlier: Array.from({ length: [1, 0, 3][index] ?? 0 }, (_, death) => ({
        reason: REASONS[(index + death) % REASONS.length] ?? "rejected",
        queue: "default",
        worker: "lovage@web-2",
        died: ago(now, 4_000 + index * 660 + death * 3_600),
        error: ERRORS[death % ERRORS.length] ?? "",
      })),
      exitCode: null,
      signal: index % 2 === 0 ? "SIGKILL" : null,
      memoryBytes: index % 2 === 0 ? 1.9 * 1024 ** 3 : null,
      message,
    }),
  );
  const is = (name: string, value: string | null): boolean => {
    const wanted = filter.get(name);
    return wanted === null || wanted === value;
  };
  const items = all.filter(
    (letter) =>
      is("task", letter.task) &&
      is("queue", letter.queue) &&
      is("reason", letter.reason) &&
      is("worker", letter.worker),
  );
  const values = (of: (letter: DeadLetterItem) => string | null): string[] =>
    [...new Set(all.flatMap((letter) => of(letter) ?? []))].sort();
  return {
    items,
    nextCursor: null,
    total: { count: items.length, exact: true },
    facets: {
      tasks: values(({ task }) => task),
      queues: values(({ queue }) => queue),
      reasons: values(({ reason }) => reason),
      workers: values(({ worker }) => worker),
    },
  };
}
