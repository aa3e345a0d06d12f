import { describe, expect, test } from "vitest";
import { putTagsRight } from "../../src/connections/amqp-foreign-tags.js";

/** A content header frame with a content type and the headers table. */
function headerFrame(table: Buffer): Buffer {
  const type = Buffer.from("application/json");
  const payload = Buffer.concat([
    Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0xa0, 0]),
    Buffer.from([type.length]),
    type,
    sized(table),
  ]);
  return Buffer.concat([Buffer.from([2, 0, 1]), sized(payload), Buffer.from([0xce])]);
}
function sized(content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  return Buffer.concat([size, content]);
}
const name = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const long = (tag: string): Buffer => Buffer.concat([Buffer.from(tag), Buffer.from([0, 0, 1, 0, 0, 0, 0, 0])]);
const text = (content: string): Buffer => Buffer.concat([Buffer.from("S"), sized(Buffer.from(content))]);

describe("tags of Python's client", () => {
  test("long integers are told to amqplib under the tag it knows, however deep, and nothing else changes", () => {
    const table = (tag: string): Buffer => {
      const nested = Buffer.concat([Buffer.from("F"), sized(Buffer.concat([name("L"), long(tag)]))]);
      const list = Buffer.concat([Buffer.from("A"), sized(Buffer.concat([long(tag), text("L is for long"), nested]))]);
      return Buffer.concat([
        name("Later"),
        long(tag),
        name("text"),
        text("LLLL"),
        name("list"),
        list,
        name("n"),
        Buffer.from("V"),
      ]);
    };
    const frame = headerFrame(table("L"));
    putTagsRight(frame);
    expect(frame).toEqual(headerFrame(table("l")));
  });

  test("frames of other kinds, cut ones and broken tables are left to amqplib", () => {
    const whole = headerFrame(Buffer.concat([name("a"), long("l")]));
    const method = Buffer.from([1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 60, 0xce]);
    const broken = headerFrame(Buffer.concat([name("a"), Buffer.from("Q"), Buffer.from("L")]));
    for (const bytes of [whole, method, broken, Buffer.alloc(0)]) {
      for (let length = 0; length <= bytes.length; length++) {
        const part = Buffer.from(bytes.subarray(0, length));
        putTagsRight(part);
        expect(part).toEqual(bytes.subarray(0, length));
      }
    }
  });

  test("tables nested without end do no harm", () => {
    let table = Buffer.concat([name("a"), long("L")]);
    for (let depth = 0; depth < 5000; depth++) table = Buffer.concat([name("t"), Buffer.from("F"), sized(table)]);
    expect(() => putTagsRight(headerFrame(table))).not.toThrow();
  });
});
