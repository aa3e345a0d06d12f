import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Worker } from "../../src/worker/index.js";
import { type ControlBench, NODE, openControlBench, until, untilRuns } from "../support/control-worker.js";
import { formDifferences } from "../support/shape.js";
import { array, type Fields, haveVectors, object, type Vector, vectorsOf } from "../support/vectors.js";

/** What Celery recorded of a worker of its own: the request's arguments, and the value in its reply. */
interface Recorded {
  readonly name: string;
  readonly method: string;
  readonly args: Fields;
  readonly value: unknown;
}

/** Names in the recordings → names here. */
const TRANSLATED: Fields = { "proj.add": "t.add", "proj.mul": "t.limited" };

/** Answers that must be the recorded text, once names are translated. */
const EXACT: ReadonlySet<string> = new Set([
  "ping",
  "ping_destination",
  "ping_pattern_glob",
  "ping_pattern_pcre",
  "revoke",
  "revoke_many",
  "terminate_unknown",
  "hello_self",
  "rate_limit",
  "rate_limit_off",
  "rate_limit_unknown",
  "time_limit",
  "time_limit_unknown",
  "autoscale_disabled",
  "add_consumer",
  "add_consumer_full",
  "cancel_consumer",
  "heartbeat",
  "unknown_command",
  "revoke_by_stamped_headers",
  "revoke_by_stamped_headers_terminate",
]);

/** Not compared, with the reason. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ["pool_grow", "the pool of this bench has a fixed size; pool-size.test.ts has it"],
  ["pool_shrink", "as pool_grow"],
  ["pool_restart_disabled", "as pool_grow"],
  ["bad_arguments", "two recordings in one"],
  ["terminate_active", "names a task of the recording; control-listener.test.ts has it"],
  ["stats", "another pool; stats[solo] is compared"],
  ["conf", "the settings are others; control-listener.test.ts has it"],
]);

let bench: ControlBench;
let worker: Worker;

beforeAll(async () => {
  bench = await openControlBench();
  worker = await bench.startWorker();
  const running = await bench.tasks.waits.delay(600);
  await untilRuns(worker, running);
  await bench.tasks.add.delay(1, 2);
  await bench.tasks.add.applyAsync([1, 2], { countdown: 600 });
  await until(() => worker.parts.ledger.reserved().length === 1);
});
afterAll(async () => {
  await bench.close();
});

describe.skipIf(!haveVectors)("an answer to remote control", () => {
  const recorded = vectorsOf("pidbox_56.json").flatMap(recordedOf);
  test.each(recorded)("has the form of Celery's: $name", async ({ name, method, args, value }) => {
    const replies = await bench.control.ask(method, translated(args), { timeout: 5, destination: [NODE] });
    expect([...replies.keys()]).toEqual([NODE]);
    const answer = replies.get(NODE);
    expect(formDifferences(answer, value)).toEqual([]);
    if (EXACT.has(name)) expect(sortedSet(answer)).toEqual(sortedSet(value));
  });

  test("is compared with nearly all that was recorded", () => {
    expect(recorded.length).toBeGreaterThan(35);
  });
});

function recordedOf({ name, captured }: Vector): Recorded[] {
  if (name === "stats[solo]") return [{ name, method: "stats", args: {}, value: object(captured.client_return)[NODE] }];
  const replies = array(captured.replies ?? []);
  if (name.includes("[") || replies.length === 0 || LEFT_OUT.has(name)) return [];
  const request = object(object(captured.request).body);
  const value = object(object(replies.at(-1)).body)[NODE];
  return [{ name, method: String(request.method), args: object(request.arguments), value }];
}

function translated(args: Fields): Fields {
  const named = Object.entries(args).map(([name, value]) => [name, TRANSLATED[String(value)] ?? value]);
  return Object.fromEntries(named);
}

/** Python shows a set in any order. */
function sortedSet(value: unknown): unknown {
  if (value === null) return null;
  const { ok } = object(value);
  if (typeof ok !== "string") return value;
  const ordered = ok.replace(/\{([^{}:]*)\}/, (_, members: string) => `{${members.split(", ").sort().join(", ")}}`);
  return { ok: ordered };
}
