import { DEAD_LETTER_QUEUE } from "lovage/internal";
import { expect, onTestFinished, test } from "vitest";
import { DeadLetterPage, DeadLetterReply } from "../../src/api/queues.js";
import { deadLettersRoutes } from "../../src/server/routes/dead-letters.js";
import { callRoute } from "../support/call-route.js";
import { numbered, QueueBench } from "../support/queue-bench.js";

/** More than are looked through. */
const TOO_MANY = 5002;

test("acting on all that match says how many dead letters were not looked through", async () => {
  const bench = await QueueBench.open({ brokerUrl: "memory://", resultBackend: null });
  onTestFinished(() => bench.close());
  const broker = await bench.broker();
  await broker.declare(DEAD_LETTER_QUEUE);
  const place = { exchange: "", routingKey: DEAD_LETTER_QUEUE.name };
  await broker.publish({ ...numbered(0), headers: { id: "rare", task: "t.rare" } }, place);
  await bench.fill(DEAD_LETTER_QUEUE.name, TOO_MANY - 1);
  const parts = bench.parts(await bench.sampler());

  const found = DeadLetterPage.parse(await callRoute(deadLettersRoutes, parts, "get", "/dead-letters", {}));
  expect(found.total).toEqual({ count: TOO_MANY, exact: false });
  const body = { filter: { task: "t.rare" } };
  const reply = await callRoute(deadLettersRoutes, parts, "post", "/dead-letters/delete", { body });
  expect(DeadLetterReply.parse(reply)).toEqual({
    count: 1,
    outcomes: [
      { target: DEAD_LETTER_QUEUE.name, outcome: "done", detail: "deleted" },
      { target: "2 more", outcome: "skipped", detail: expect.stringContaining("too many to look through") },
    ],
  });
});
