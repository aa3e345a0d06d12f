import { ConfigurationError } from "../errors.js";
import { reprValue } from "./repr.js";

const SECONDS: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
]);

/**
 * Tasks a second of a rate as Celery writes it: `10`, `10/s`, `100/m`, `1000/h`, or a number a second; undefined, for no limit,
 * when it is 0, null or empty. Throws a `ConfigurationError` for anything else. Source: celery-protocol 9.4.
 */
export function parseRate(rate: unknown): number | undefined {
  if (rate === null || rate === undefined || rate === "") return undefined;
  const match = /^\s*(\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})\s*(?:\/\s*([smh]))?\s*$/.exec(String(rate).slice(0, 60));
  if (!match || (typeof rate !== "string" && typeof rate !== "number")) {
    throw new ConfigurationError(`${reprValue(rate, 60)} is not a rate: it must be N, N/s, N/m or N/h`);
  }
  const perSecond = Number(match[1]) / (SECONDS.get(match[2] ?? "s") ?? 1);
  return perSecond > 0 ? perSecond : undefined;
}
