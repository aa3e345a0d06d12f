import { durationText } from "./duration-text.js";

/** `now`, `12 s ago`, `in 5 m`; both in milliseconds. */
export function relativeTime(atMs: number, nowMs: number): string {
  const seconds = (nowMs - atMs) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  // "1 m 12 s ago" changes each second for nothing: one part is enough from a minute on.
  const text = coarse(Math.abs(seconds));
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function coarse(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return durationText(Math.floor(seconds / 60) * 60);
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `2026-01-31 10:00:00.123` in the zone, with the zone's name where it is not the browser's. */
export function absoluteTime(at: string | number, zone: "browser" | "utc"): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  if (zone === "utc") return `${date.toISOString().replace("T", " ").replace("Z", "")} UTC`;
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().replace("T", " ").replace("Z", "");
}

/** `10:00:05`, for axes and log lines. */
export function clockTime(at: string | number, zone: "browser" | "utc"): string {
  return absoluteTime(at, zone).slice(11, 19);
}
