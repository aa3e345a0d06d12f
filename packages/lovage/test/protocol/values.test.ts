import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "../../src/errors.js";
import { formatInstant, parseInstant } from "../../src/protocol/instant.js";
import { Decimal, PlainDate, PlainTime, Uuid } from "../../src/protocol/values.js";

describe("instants", () => {
  test("are written with six digits and an offset", () => {
    expect(formatInstant(new Date("2026-11-21T05:59:31.938Z"))).toBe("2026-11-21T05:59:31.938000+00:00");
    expect(formatInstant(new Date(0))).toBe("1970-01-01T00:00:00.000000+00:00");
    expect(() => formatInstant(new Date(Number.NaN))).toThrow(EncodeError);
    expect(() => formatInstant(new Date(8.64e15))).toThrow(EncodeError);
  });

  test.each([
    ["2030-01-02T03:04:05.678901+00:00", "2030-01-02T03:04:05.678Z"],
    ["2030-01-02T05:04:05+02:00", "2030-01-02T03:04:05.000Z"],
    ["2030-01-02T03:04:05", "2030-01-02T03:04:05.000Z"],
    ["2030-01-02 03:04", "2030-01-02T03:04:00.000Z"],
    ["2030-01-02", "2030-01-02T00:00:00.000Z"],
    ["2030-01-01T22:04:05.1-0500", "2030-01-02T03:04:05.100Z"],
    ["2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05.678Z"],
    ["2020-02-29T23:59:59.9999999+00", "2020-02-29T23:59:59.999Z"],
    ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000Z"],
  ])("%s is read as %s", (text, iso) => {
    expect(parseInstant(text).toISOString()).toBe(iso);
  });

  test.each([
    "",
    "x",
    "2030-13-01",
    "2030-02-30",
    "2030-01-02T24:00:00",
    "2030-01-02T03:60:00",
    "2030-01-02T03:04:05+25:00",
    "2030-01-02Z",
    "1700000000",
    "2030-01-02T03:04:05.",
    `2030-01-02T03:04:05.${"1".repeat(100)}`,
  ])("%j is no instant", (text) => {
    expect(() => parseInstant(text)).toThrow(DecodeError);
  });
});

describe("values", () => {
  test("are equal by what they mean", () => {
    expect(new Decimal("1.10").equals(new Decimal("1.1"))).toBe(true);
    expect(new Decimal("1e2").equals(new Decimal("100"))).toBe(true);
    expect(new Decimal("-0").equals(new Decimal(0))).toBe(true);
    expect(new Decimal("1.1").equals(new Decimal("11"))).toBe(false);
    expect(new Decimal("NaN").equals(new Decimal("NaN"))).toBe(false);
    expect(new Decimal("1e999999999999999").equals(new Decimal("1e999999999999998"))).toBe(false);
    expect(new PlainDate(2024, 1, 2).equals(PlainDate.parse("2024-01-02"))).toBe(true);
    expect(new PlainTime(3, 4).equals(PlainTime.parse("03:04:00"))).toBe(true);
    expect(new Uuid("12345678123456781234567812345678").equals(new Uuid("12345678-1234-5678-1234-567812345678"))).toBe(
      true,
    );
    expect(new Uuid("12345678123456781234567812345678").equals("12345678-1234-5678-1234-567812345678")).toBe(false);
  });

  test("are texts to JSON.stringify and to people", () => {
    const values = [new Decimal("1.10"), new PlainDate(24, 1, 2), new PlainTime(3, 4, 5, 6), new Uuid("1".repeat(32))];
    const texts = ["1.10", "0024-01-02", "03:04:05.000006", "11111111-1111-1111-1111-111111111111"];
    expect(JSON.parse(JSON.stringify(values))).toEqual(texts);
    expect(values.map(String)).toEqual(texts);
    expect(new Decimal("-Infinity").toNumber()).toBe(Number.NEGATIVE_INFINITY);
    expect(new Decimal("1.5").toNumber()).toBe(1.5);
  });

  test.each([
    () => new Decimal("1,5"),
    () => new Decimal("1".repeat(5000)),
    () => new PlainDate(2023, 2, 29),
    () => new PlainDate(2023.5, 2, 2),
    () => PlainDate.parse("2024-1-2"),
    () => new PlainTime(24),
    () => new PlainTime(1, 2, 3, 4, "CET"),
    () => PlainTime.parse("noon"),
    () => new Uuid("12345678"),
  ])("that cannot be are refused: %s", (make) => {
    expect(make).toThrow(RangeError);
  });
});
