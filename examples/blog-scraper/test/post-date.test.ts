import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIsoDay, parseDay, parseTimeOfDay, parseTimestamp } from "../src/scraper/post-date.js";

describe("parseDay", () => {
  test.each([
    ["Sunday, March 3, 2024", "2024-03-03"],
    ["3 March 2024", "2024-03-03"],
    ["Mar 3, 2024", "2024-03-03"],
    ["Sonntag, 3. März 2024", "2024-03-03"],
    ["dimanche 3 mars 2024", "2024-03-03"],
    ["domingo, 3 de marzo de 2024", "2024-03-03"],
    ["niedziela, 3 marca 2024", "2024-03-03"],
    ["воскресенье, 3 марта 2024 г.", "2024-03-03"],
    ["2024-03-03", "2024-03-03"],
    ["03.12.2024", "2024-12-03"],
    ["3/25/2024", "2024-03-25"],
    ["25/3/2024", "2024-03-25"],
    ["Thursday, February 29, 2024", "2024-02-29"],
  ])("reads %s", (text, day) => {
    expect(parseDay(text)).toBe(day);
  });
  test.each(["", "yesterday", "February 30, 2024", "March 2024", "2024", "13/13/2024"])(
    "finds no day in %j",
    (text) => {
      expect(parseDay(text)).toBeNull();
    },
  );
  test("reads every day as English, German and French blogs write it", () => {
    const days = fc.date({ min: new Date("1990-01-01"), max: new Date("2090-12-31"), noInvalidDate: true });
    fc.assert(
      fc.property(
        days,
        fc.constantFrom("en-US", "en-GB", "de", "fr", "es", "it", "pl", "ru", "sv"),
        (day, language) => {
          const text = new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" }).format(day);
          expect(parseDay(text)).toBe(day.toISOString().slice(0, 10));
        },
      ),
    );
  });
  test("gives a real day or nothing for any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("1", "2", "9", "0", "-", "/", ".", " ", "march", "mai") }),
        (text) => {
          const day = parseDay(text);
          expect(day === null || isIsoDay(day)).toBe(true);
        },
      ),
    );
  });
});

describe("parseTimeOfDay", () => {
  test.each([
    ["8:15 AM", "08:15"],
    ["12:05 am", "00:05"],
    ["12:00 PM", "12:00"],
    ["11:59 p.m.", "23:59"],
    ["20:15", "20:15"],
    ["20h15", "20:15"],
    ["07:20:31", "07:20"],
    ["noon", null],
    ["25:00", null],
    ["13:00 PM", null],
  ])("reads %s", (text, time) => {
    expect(parseTimeOfDay(text)).toBe(time);
  });
});

describe("parseTimestamp", () => {
  test("keeps the day and hour as written, in the blog's own zone", () => {
    expect(parseTimestamp("2024-03-03T23:15:00-08:00")).toEqual({ date: "2024-03-03", time: "23:15" });
    expect(parseTimestamp("Sun, 03 Mar 2024 08:15:00 +0100")).toEqual({ date: "2024-03-03", time: "08:15" });
    expect(parseTimestamp("3 Mar 24 08:15 GMT")).toEqual({ date: "2024-03-03", time: "08:15" });
    expect(parseTimestamp("2024-03-03")).toEqual({ date: "2024-03-03", time: null });
  });
  test("gives nothing for what is no timestamp", () => {
    expect(parseTimestamp("2024-13-03T10:00")).toEqual({ date: null, time: null });
    expect(parseTimestamp(undefined)).toEqual({ date: null, time: null });
  });
});
