import { DecodeError, EncodeError } from "../errors.js";

/**
 * `YYYY-MM-DD`, then optionally a time, a fraction of any length and an offset (`Z`, `+02`, `+0200`, `+02:00`, `+02:00:30`).
 * Source: celery-protocol 2.4.
 */
const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,30}))?)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?)?)?$/;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Longer text is no instant, and is not looked at. */
const LONGEST_TEXT = 80;

/**
 * The instant as Celery 5.2 and later read it alike: six fraction digits and an offset with a colon, as in
 * `2026-11-21T05:59:31.938000+00:00`. Throws an `EncodeError` for an invalid date or a year outside 0000 to 9999.
 */
export function formatInstant(date: Date): string {
  const iso = Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  // A year beyond four digits is written with a sign, which no peer can parse.
  if (iso?.length !== 24) throw new EncodeError(`${String(date.getTime())} is not an instant that Celery can carry`);
  return `${iso.slice(0, 23)}000+00:00`;
}

/**
 * Reads an ISO 8601 instant as peers send it; one without an offset is UTC. Digits beyond the millisecond are dropped.
 * Throws a `DecodeError` naming the text.
 */
export function parseInstant(text: string): Date {
  const date = tryParseInstant(text);
  if (date) return date;
  throw new DecodeError(`${JSON.stringify(text.slice(0, LONGEST_TEXT))} is not an ISO 8601 instant`);
}

/** As `parseInstant`, with undefined for what is no instant. */
export function tryParseInstant(text: string): Date | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, , sign, offsetHour, offsetMinute, offsetSecond] = match;
  const date = utcDate(Number(year), Number(month), Number(day));
  const [h, m, s] = [Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0)];
  const [oh, om, os] = [Number(offsetHour ?? 0), Number(offsetMinute ?? 0), Number(offsetSecond ?? 0)];
  if (!date || h > 23 || m > 59 || s > 59 || oh > 23 || om > 59 || os > 59) return undefined;
  const ms = h * HOUR_MS + m * MINUTE_MS + s * 1000 + Math.trunc(Number(`0.${fraction ?? 0}`) * 1000);
  const offsetMs = (oh * HOUR_MS + om * MINUTE_MS + os * 1000) * (sign === "-" ? -1 : 1);
  return new Date(date.getTime() + ms - offsetMs);
}

/** Midnight UTC of a calendar day; undefined for a day that does not exist. */
export function utcDate(year: number, month: number, day: number): Date | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date : undefined;
}
