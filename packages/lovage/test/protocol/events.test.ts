import { describe, expect, test } from "vitest";
import { ContentDisallowed, DecodeError } from "../../src/errors.js";
import { decodeJson, encodeBody } from "../../src/protocol/content.js";
import { decodeEvents, encodeEvents, eventRoutingKey, LamportClock, stampEvent } from "../../src/protocol/events.js";
import type { Message } from "../../src/protocol/message.js";
import { type Fields, haveVectors, messageOfRaw, object, vectorsOf } from "../support/vectors.js";

const SOURCE = { hostname: "w@h", pid: 7, clock: 3, now: new Date("2026-01-02T03:04:05.678Z") };

function messageWith(value: unknown): Message {
  return { headers: { hostname: "w@h" }, properties: {}, ...encodeBody(value) };
}
function bodyOf(message: Message): unknown {
  return decodeJson(Buffer.from(message.body).toString());
}

describe.skipIf(!haveVectors).each(["events_56.json", "events_52.json"])("%s", (file) => {
  test.each(vectorsOf(file))("$name is known and written again with every field", ({ captured }) => {
    const message = messageOfRaw(captured.message_raw);
    const expected = object(captured.event);
    const received = decodeEvents(message).find(
      ({ fields }) => fields.clock === expected.clock && fields.type === expected.type,
    );
    expect(received?.fields).toEqual(expected);
    const known = received?.known;
    if (!known) throw new Error("the event is not known");
    // Clients do not keep their clocks in step: theirs counts for nothing.
    expect(known).toEqual(known.type === "task-sent" ? { ...expected, clock: -1 } : expected);

    const again = encodeEvents(captured.body_is_list ? [known] : known, known.hostname);
    expect(Array.isArray(bodyOf(again))).toBe(captured.body_is_list);
    expect(again.headers).toEqual(message.headers);
    expect(routingKeyOf(message)).toBe(captured.body_is_list ? "task.multi" : eventRoutingKey(known.type));
    expect(message.properties).toMatchObject(again.properties);
  });
});
function routingKeyOf({ properties }: Message): unknown {
  return object(properties.delivery_info).routing_key;
}

describe("events", () => {
  test("carry sender, time and clock", () => {
    const event = stampEvent({ type: "task-started", uuid: "u" }, SOURCE);
    const utcoffset = Math.floor(SOURCE.now.getTimezoneOffset() / 60) || 0;
    expect(event).toEqual({
      type: "task-started",
      uuid: "u",
      hostname: "w@h",
      pid: 7,
      clock: 3,
      utcoffset,
      timestamp: 1767323045.678,
    });
  });

  test("of tasks travel in an array, those of workers alone", () => {
    const started = stampEvent({ type: "task-started", uuid: "u" }, SOURCE);
    const online = stampEvent({ type: "worker-online", freq: 2, sw_ident: "x", sw_ver: "1", sw_sys: "Linux" }, SOURCE);
    expect(bodyOf(encodeEvents([started], "w@h"))).toEqual([started]);
    expect(bodyOf(encodeEvents([online], "w@h"))).toEqual(online);
    expect(decodeEvents(encodeEvents([started, online], "w@h")).map(({ known }) => known)).toEqual([started, online]);
  });

  test("of ours come back as they were sent", () => {
    const log = stampEvent(
      { type: "task-log", uuid: "u", name: "t", level: "warn", message: "m", fields: { a: [1] }, logger: "db" },
      SOURCE,
    );
    const progress = stampEvent(
      { type: "task-progress", uuid: "u", name: "t", current: 1, total: null, message: null, counters: { found: 3 } },
      SOURCE,
    );
    expect(decodeEvents(encodeEvents([log, progress], "w@h")).map(({ known }) => known)).toEqual([log, progress]);
  });

  test("of unknown types and with missing fields are passed on, but not as known", () => {
    const custom = { type: "order-shipped", hostname: "w@h", clock: 1, order: 7 };
    const nameless = { type: "task-started", hostname: "w@h" };
    const received = decodeEvents(messageWith([custom, nameless, 7, null, "x", { type: 3 }]));
    expect(received.map(({ type, known }) => [type, known])).toEqual([
      ["order-shipped", undefined],
      ["task-started", undefined],
    ]);
    expect(received[0]?.fields.order).toBe(7);
  });

  test("with fields of wrong types get empty values, so that they can be shown", () => {
    const odd: Fields = {
      type: "task-received",
      hostname: "w@h",
      uuid: "u",
      name: 7,
      retries: "x",
      eta: {},
      clock: "now",
    };
    expect(decodeEvents(messageWith(odd))[0]?.known).toMatchObject({
      uuid: "u",
      name: "",
      retries: 0,
      eta: null,
      clock: -1,
    });
  });

  test("that are none are refused", () => {
    expect(() => decodeEvents(messageWith(7))).toThrow(DecodeError);
    expect(() => decodeEvents({ ...messageWith([]), contentType: "application/x-yaml" })).toThrow(ContentDisallowed);
  });
});

describe("the logical clock", () => {
  test("goes on by one, and past what it hears of", () => {
    const clock = new LamportClock();
    expect([clock.forward(), clock.adjust(10), clock.adjust(3), clock.forward()]).toEqual([1, 11, 12, 13]);
  });

  test("takes no news from what is no clock", () => {
    const clock = new LamportClock(5);
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -4, 2 ** 53 - 1, "9", null]) clock.adjust(odd);
    expect(clock.value).toBe(12);
  });
});
