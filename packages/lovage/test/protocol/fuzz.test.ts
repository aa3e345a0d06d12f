import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ContentDisallowed, DecodeError } from "../../src/errors.js";
import { encodeBody } from "../../src/protocol/content.js";
import { decodeControlReply, decodeControlRequest, isAddressedTo } from "../../src/protocol/control.js";
import { decodeEvents } from "../../src/protocol/events.js";
import type { Message } from "../../src/protocol/message.js";
import {
  decodeTaskMessage,
  encodeTaskMessage,
  peekTaskHeaders,
  retryMessage,
} from "../../src/protocol/task-message.js";
import { decodeGroupMeta, decodeTaskMeta, errorFromMeta } from "../../src/protocol/task-meta.js";
import { array, messageOfEnvelope, messageOfRaw, object, vectorsOf } from "../support/vectors.js";

/**
 * Throws mutated captures at every decoder: whatever comes, the answer is a value or one of two errors, and it comes soon.
 * Runs for LOVAGE_FUZZ_SECONDS (3 by default); a failure names the seed, to be given back as LOVAGE_FUZZ_SEED.
 */
const SECONDS = Number(process.env.LOVAGE_FUZZ_SECONDS ?? 3);
const SEED = Number(process.env.LOVAGE_FUZZ_SEED ?? Date.now() % 2 ** 31);
/** Longest a single message may take, on a busy machine. */
const SLOW_MS = 2000;

const DECODERS: readonly ((message: Message) => unknown)[] = [
  (message) => decodeTaskMessage(message),
  (message) => decodeEvents(message),
  (message) => {
    const request = decodeControlRequest(message);
    return isAddressedTo(request, "w1@example.com");
  },
  (message) => decodeControlReply(message),
  (message) => errorFromMeta(decodeTaskMeta(Buffer.from(message.body).toString(), "id")),
  (message) => decodeGroupMeta(Buffer.from(message.body).toString()),
];

function seeds(): Message[] {
  const raw = ["task_messages_redis_56.json", "task_messages_redis_52.json"].flatMap((file) =>
    vectorsOf(file).flatMap(({ captured }) =>
      array(captured.messages ?? []).flatMap((each) => object(each).raw_envelope ?? []),
    ),
  );
  const events = vectorsOf("events_56.json").map(({ captured }) => captured.message_raw);
  const requests = vectorsOf("pidbox_56.json").flatMap(({ captured }) =>
    captured.request ? [object(captured.request).raw] : [],
  );
  const probes = vectorsOf("acceptance_probes.json").map(({ input }) => messageOfEnvelope(object(input.pushed)));
  const metas = vectorsOf("results_redis_56.json").flatMap(({ captured }) =>
    Object.values(object(captured.final_meta_raw ?? {})).filter((text) => typeof text === "string"),
  );
  const ours = encodeTaskMessage({ id: "i", task: "t", args: [new Date(0), 2n ** 70n, new Uint8Array([255])] });
  const bare = metas.map((text): Message => ({ ...ours, body: Buffer.from(text) }));
  return [ours, ...[...raw, ...events, ...requests].map(messageOfRaw), ...probes, ...bare];
}

/** Pieces that have broken parsers. */
const PIECES = [
  "[",
  "]",
  "{",
  "}",
  '"',
  "\\",
  "\\u",
  ",",
  ":",
  "null",
  "NaN",
  "-Infinity",
  "1e999",
  "9".repeat(400),
  "__proto__",
  '"__type__":',
  '"__value__":',
  '{"__type__":"uuid","__value__":',
  "\u0000",
  "\ud800",
  "[".repeat(600),
  '{"a":'.repeat(600),
] as const;

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.nat({ max: 12 }),
  put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 6 })),
});
const headerValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("", "application/x-gzip", "2030-01-02T03:04:05Z", -1, 1e308, [null, null], undefined),
);
const headerName = fc.constantFrom(
  "id",
  "task",
  "eta",
  "expires",
  "retries",
  "timelimit",
  "group",
  "root_id",
  "compression",
  "stamps",
  "stamped_headers",
  "clock",
  "ticket",
  "hostname",
  "__proto__",
);

/** A seed with a few bytes of its body and a few headers changed. */
function mutated(all: readonly Message[]): fc.Arbitrary<Message> {
  const edits = fc.array(edit, { maxLength: 4 });
  const headers = fc.array(fc.tuple(headerName, headerValue), { maxLength: 2 });
  const types = fc.constantFrom(
    "application/json",
    "application/json",
    "application/json",
    null,
    "application/x-yaml",
    "application/data",
  );
  return fc
    .tuple(fc.constantFrom(...all), edits, headers, types, fc.constantFrom("utf-8", "binary", null, "latin1", "x"))
    .map(([message, changes, changedHeaders, contentType, contentEncoding]) => ({
      ...message,
      headers: Object.assign({ ...message.headers }, Object.fromEntries(changedHeaders)),
      body: changes.reduce(applyEdit, Buffer.from(message.body)),
      contentType,
      contentEncoding,
    }));
}
function applyEdit(body: Buffer, { at, drop, put }: { at: number; drop: number; put: string }): Buffer {
  const start = Math.floor(at * body.length);
  return Buffer.concat([body.subarray(0, start), Buffer.from(put), body.subarray(start + drop)]);
}

function expectAnswer(message: Message): void {
  for (const decode of DECODERS) {
    const started = performance.now();
    try {
      decode(message);
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof ContentDisallowed)) throw error;
    }
    expect(performance.now() - started).toBeLessThan(SLOW_MS);
  }
  peekTaskHeaders(message);
}

describe("whatever arrives", () => {
  test("as a mutated capture is decoded, or refused with one of two errors", { timeout: (SECONDS + 30) * 1000 }, () => {
    const options = {
      seed: SEED,
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: SECONDS * 1000,
      markInterruptAsFailure: false,
    };
    fc.assert(fc.property(mutated(seeds()), expectAnswer), options);
  });

  test("as any JSON value is decoded, or refused with one of two errors", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (headers, body) => {
        const { headers: usual } = encodeTaskMessage({ id: "i", task: "t", args: [] });
        expectAnswer({ headers: { ...usual, ...object({ x: headers }) }, properties: {}, ...encodeBody(body) });
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  test("what was decoded can be sent again", () => {
    fc.assert(
      fc.property(mutated(seeds()), (message) => {
        let task: ReturnType<typeof decodeTaskMessage>;
        try {
          task = decodeTaskMessage(message);
        } catch {
          return;
        }
        const next = decodeTaskMessage(retryMessage(message, task));
        expect(next).toMatchObject({ id: task.id, task: task.task, retries: task.retries + 1 });
      }),
      { numRuns: 500, seed: SEED },
    );
  });
});
