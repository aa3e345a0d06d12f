import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ContentDisallowed, DecodeError, EncodeError } from "../../src/errors.js";
import { decodeBody, decodeJson, encodeBody, encodeJson } from "../../src/protocol/content.js";
import { RawJson } from "../../src/protocol/raw-json.js";
import { Decimal, PlainDate, PlainTime, Uuid } from "../../src/protocol/values.js";

const UUID = "12345678-1234-5678-1234-567812345678";
const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");

describe("what JSON lacks", () => {
  const when = new Date("2024-01-02T03:04:05.678Z");
  test.each([
    [
      "a date",
      when,
      '{"__type__":"datetime","__value__":"2024-01-02T03:04:05.678000+00:00"}',
      '"2024-01-02T03:04:05.678000Z"',
    ],
    ["a day", new PlainDate(2024, 1, 2), '{"__type__":"date","__value__":"2024-01-02"}', '"2024-01-02T00:00:00"'],
    ["a time of day", new PlainTime(3, 4, 5), '{"__type__":"time","__value__":"03:04:05"}', '"03:04:05"'],
    ["a decimal", new Decimal("1.10"), '{"__type__":"decimal","__value__":"1.10"}', '"1.10"'],
    ["a UUID", new Uuid(UUID), `{"__type__":"uuid","__value__":{"hex":"${UUID.replaceAll("-", "")}"}}`, `"${UUID}"`],
    ["a long integer", 2n ** 70n, "1180591620717411303424", "1180591620717411303424"],
  ])("%s travels and comes back", (_what, value, typed, plain) => {
    expect(encodeJson(value)).toBe(typed);
    expect(encodeJson({ a: [value] })).toBe(`{"a":[${typed}]}`);
    expect(encodeJson(value, { typedValues: false })).toBe(plain);
    expect(decodeJson(typed)).toEqual(value);
    expect(decodeJson(typed, { typedValues: false })).toEqual(
      JSON.parse(typed) === Number(value) ? value : JSON.parse(typed),
    );
  });

  test("bytes travel as text or base64, and not at all as plain JSON", () => {
    expect(encodeJson(utf8("abc"))).toBe('{"__type__":"bytes","__value__":"abc"}');
    expect(encodeJson(new Uint8Array([255, 0, 1]))).toBe('{"__type__":"base64","__value__":"/wAB"}');
    expect(decodeJson('{"__type__":"base64","__value__":"/wAB"}')).toEqual(new Uint8Array([255, 0, 1]));
    expect(decodeJson('{"__type__":"bytes","__value__":"abc"}')).toEqual(new Uint8Array([97, 98, 99]));
    expect(() => encodeJson(utf8("abc"), { typedValues: false })).toThrow(EncodeError);
  });

  test.each([
    ['{"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678", "version": 4}}', new Uuid(UUID)],
    ['{"__type__": "date", "__value__": "2024-01-02T00:00:00"}', new PlainDate(2024, 1, 2)],
    ['{"__type__": "datetime", "__value__": "2024-01-02T03:04:05"}', new Date("2024-01-02T03:04:05Z")],
    ['{"__type__": "time", "__value__": "03:04:05.000006+02:00"}', new PlainTime(3, 4, 5, 6, "+02:00")],
    [String.raw`{"\u005f_type__": "decimal", "__value__": "1"}`, new Decimal("1")],
  ])("%s is read as older or other peers mean it", (text, value) => {
    expect(decodeJson(text)).toEqual(value);
  });

  test.each([
    '{"__type__":"zzz","__value__":1}',
    '{"__type__":"datetime","__value__":"x"}',
    '{"__type__":"datetime","__value__":7}',
    '{"__type__":"datetime","__value__":"2024-01-02","k":1}',
    '{"__type__":"base64","__value__":"!"}',
    '{"__type__":["date"],"__value__":"2024-01-02"}',
    '{"__type__":"__proto__","__value__":1}',
    '{"__type__":"date"}',
  ])("%s stays the object it is", (text) => {
    expect(decodeJson(text)).toEqual(JSON.parse(text));
    expect(JSON.parse(encodeJson(decodeJson(text)))).toEqual(JSON.parse(text));
  });
});

describe("encoding", () => {
  class Point {
    readonly x = 1;
    readonly #y = 2;
    get y(): number {
      return this.#y;
    }
  }
  const circle: Record<string, unknown> = { a: [1] };
  circle.again = { deep: [circle] };
  let nest: unknown = 1;
  for (let depth = 0; depth < 600; depth += 1) nest = [nest];

  test.each([
    ["NaN", [{ x: Number.NaN }], "args[0].x is NaN"],
    ["infinity", [1, [Number.NEGATIVE_INFINITY]], "args[1][0] is -Infinity"],
    ["a function", [{ "odd key": () => 1 }], 'args[0]["odd key"] is a function'],
    ["a symbol", [Symbol("s")], "args[0] is a symbol"],
    ["a map", [new Map()], "args[0] is a Map"],
    ["a set", [new Set()], "args[0] is a Set"],
    ["a promise", [Promise.resolve()], "args[0] is a Promise"],
    ["an error", [new Error("x")], "args[0] is a Error"],
    ["an invalid date", [new Date(Number.NaN)], "args[0] is an invalid date"],
    ["a circle", [circle], "args[0].again.deep[0] refers back"],
    ["deep nesting", nest, "is nested deeper than 512 levels"],
    [
      "a failing getter",
      [
        {
          get x(): never {
            throw new Error("no");
          },
        },
      ],
      "args cannot be written as JSON: Error: no",
    ],
    ["numbers in typed arrays", [new Float64Array(2)], "args[0] is a Float64Array"],
  ])("refuses %s and says where", (_what, value, message) => {
    expect(() => encodeJson(value, { place: "args" })).toThrow(EncodeError);
    expect(() => encodeJson(value, { place: "args" })).toThrow(message);
  });

  test("treats undefined and class instances as JSON.stringify does", () => {
    expect(encodeJson(undefined)).toBe("null");
    expect(encodeJson([undefined, { a: undefined, b: 1n }])).toBe('[null,{"b":1}]');
    expect(encodeJson([new Point(), new URL("http://a/b")])).toBe('[{"x":1},"http://a/b"]');
    expect(encodeJson({ self: { toJSON: () => ({ when: new PlainDate(2024, 1, 2) }) } }, { typedValues: false })).toBe(
      '{"self":{"when":"2024-01-02T00:00:00"}}',
    );
  });

  test("writes what is JSON already as it is", () => {
    expect(encodeJson({ a: new RawJson('{"b": [1]}') })).toBe('{"a":{"b": [1]}}');
  });

  test("keeps a large number a float, so that it is not read as an exact integer", () => {
    for (const large of [2 ** 53, 1e20, -1e20, 2 ** 60 + 4096, 1e21, 1e300]) {
      expect(encodeJson(large)).toMatch(/e/);
      expect(decodeJson(encodeJson(large))).toBe(large);
    }
  });
});

describe("decoding", () => {
  test("takes Python's JSON", () => {
    const text =
      '[NaN, Infinity, -Infinity, 12345678901234567890, -9007199254740993, 1e400, 0.12345678901234568, "NaN"]';
    expect(decodeJson(text)).toEqual([
      Number.NaN,
      Infinity,
      -Infinity,
      12345678901234567890n,
      -9007199254740993n,
      Infinity,
      0.12345678901234568,
      "NaN",
    ]);
  });

  test.each([
    "",
    " ",
    "[",
    "[1",
    "[1,]",
    "{",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    "'a'",
    "01",
    "1.",
    ".5",
    "+1",
    "--1",
    "nan",
    "[1] 2",
    '"a',
    '"\\x"',
    '"\u0000"',
    '"\\',
    "\ufeff[]",
    "[NaN",
    "NaN NaN",
    "[-]",
    "tru",
    "NaNa",
  ])("refuses %j and says where", (text) => {
    expect(() => decodeJson(text)).toThrow(DecodeError);
    // The same through our own reader, which text like this goes to.
    expect(() => decodeJson(`[NaN, ${text}]`)).toThrow(DecodeError);
  });

  test("bounds depth, size and digits", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(decodeJson(nested(512))).toBeDefined();
    expect(() => decodeJson(nested(513))).toThrow("deeper than 512");
    expect(() => decodeJson(`[${'{"a":'.repeat(513)}NaN${"}".repeat(513)}]`)).toThrow("deeper than 512");
    expect(() => decodeJson("[".repeat(10_000_000))).toThrow(DecodeError);
    expect(() => decodeJson(nested(100_000), { maxDepth: 1_000_000 })).not.toThrow();
    expect(() => decodeJson(`${nested(100_000)} NaN`, { maxDepth: 1_000_000 })).toThrow(DecodeError);
    expect(() => decodeJson('"12345"', { maxSize: 6 })).toThrow("longer than the limit of 6");
    expect(() => decodeJson("9".repeat(5000))).toThrow("more than 4300 digits");
    // Brackets in strings nest nothing.
    expect(decodeJson(JSON.stringify("[".repeat(5000)))).toBe("[".repeat(5000));
    expect(decodeJson(JSON.stringify(Array.from({ length: 2000 }, () => ['"]['])))).toHaveLength(2000);
  });

  test("lets no key change an object's prototype", () => {
    for (const tail of ["", ', "n": NaN']) {
      const value = decodeJson(`{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}${tail}}`);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Reflect.get({}, "polluted")).toBeUndefined();
      expect(Object.keys(value as object)).toEqual(["__proto__", "constructor", ...(tail ? ["n"] : [])]);
    }
  });
});

describe("bodies", () => {
  const text = '{"a": [1, "é"]}';
  test.each([
    ["plain", utf8(text), null],
    ["zlib", deflateSync(text), "application/x-gzip"],
    ["brotli", brotliCompressSync(text), "application/x-brotli"],
  ])("%s are read", (_what, bytes, compression) => {
    expect(decodeBody(bytes, "application/json", "utf-8", compression)).toEqual({ a: [1, "é"] });
  });

  test.each(["zlib", "gzip", "brotli"] as const)("%s is written as it is read", (compression) => {
    const body = encodeBody({ a: "x".repeat(100) }, { compression });
    expect(decodeBody(body.body, body.contentType, body.contentEncoding, body.compression)).toEqual({
      a: "x".repeat(100),
    });
  });

  test.each([
    ["a gzip file", gzipSync(text), "utf-8", "application/x-gzip", "not what its compression header"],
    ["bzip2", utf8("x"), "utf-8", "application/x-bz2", "bzip2, which is not supported"],
    ["xz", utf8("x"), "utf-8", "application/x-lzma", "xz, which is not supported"],
    ["an unknown algorithm", utf8("x"), "utf-8", "application/x-shrink", "which is unknown"],
    ["a compression header that is no text", utf8("x"), "utf-8", 7, "is number, not text"],
    ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "utf-8", null, "not UTF-8"],
    ["an unknown encoding", utf8("1"), "utf-16", null, "is not supported for JSON"],
  ])("refuses %s", (_what, bytes, encoding, compression, message) => {
    expect(() => decodeBody(bytes, "application/json", encoding, compression)).toThrow(DecodeError);
    expect(() => decodeBody(bytes, "application/json", encoding, compression)).toThrow(message);
  });

  test("that expand beyond the limit are refused before they do", () => {
    const bomb = deflateSync(Buffer.alloc(20_000_000, " "));
    expect(() =>
      decodeBody(bomb, "application/json", "utf-8", "application/x-gzip", { limits: { maxSize: 1_000_000 } }),
    ).toThrow("limit of 1000000");
    expect(() => decodeBody(utf8("1234"), "application/json", null, null, { limits: { maxSize: 3 } })).toThrow(
      "longer than the limit",
    );
  });

  test("of content that is not accepted are not looked at", () => {
    const read = (type: string | null, acceptContent?: string[]): unknown =>
      decodeBody(utf8("1"), type, "utf-8", null, { acceptContent });
    for (const type of [
      null,
      "application/json; charset=utf-8",
      "application/x-python-serialize",
      "",
      "application/data",
    ]) {
      expect(() => read(type)).toThrow(ContentDisallowed);
    }
    expect(() => read("application/json", [])).toThrow(ContentDisallowed);
    expect(() => read("application/x-python-serialize", ["pickle"])).toThrow("cannot be decoded");
    expect(read("application/json", ["application/json"])).toBe(1);
    expect(read("application/data", ["raw"])).toEqual(utf8("1"));
  });
});

describe("for any value", () => {
  const scalar = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.integer(),
    fc.bigInt().filter((value) => value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)),
    fc.boolean(),
    fc.constant(null),
    fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    fc.uuid().map((text) => new Uuid(text)),
    fc.tuple(fc.integer(), fc.nat({ max: 30 })).map(([digits, scale]) => new Decimal(`${digits}e-${scale}`)),
    fc
      .tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 }), fc.nat({ max: 999_999 }))
      .map(([h, m, us]) => new PlainTime(h, m, m, us)),
    fc
      .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 12 }))
      .map(([y, m]) => new PlainDate(y, m, 28)),
  );
  const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "__type__", "toString", "length", "0"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(key, tie("value"), { maxKeys: 5 }),
    ),
  }));

  test("reading gives back what was written", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decodeJson(encodeJson(given))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  test("our reader and the engine's agree on plain JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (given) => {
        // We never write an integer beyond 2^53 that is meant as a float; the engine does.
        const text = encodeJson(given);
        // The long integer sends the text through our own reader.
        expect(decodeJson(`[${text}, 12345678901234567890]`)).toEqual([JSON.parse(text), 12345678901234567890n]);
      }),
      { numRuns: 500 },
    );
  });

  test("bytes of any kind are read or refused with one of two errors", () => {
    const compression = fc.constantFrom(null, "application/x-gzip", "application/x-brotli", "application/zstd", "x");
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        compression,
        fc.constantFrom("utf-8", "binary", null, "latin1"),
        (bytes, header, encoding) => {
          try {
            decodeBody(bytes, "application/json", encoding, header);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("text of JSON's own characters is read or refused, and as the engine does", () => {
    const characters = fc.constantFrom(...'[]{}:,"\\ 0123456789eE+-.ntfNIau\n\u0001é_');
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 30 }), (text) => {
        const engine = outcome(() => JSON.parse(text));
        const ours = outcome(() => decodeJson(text));
        if (ours instanceof Error) expect(ours).toBeInstanceOf(DecodeError);
        if (!(engine instanceof Error) && !/\d{16}/.test(text)) expect(ours).toEqual(engine);
      }),
      { numRuns: 3000 },
    );
  });
});

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}
