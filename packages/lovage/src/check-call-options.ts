import { ConfigurationError } from "./errors.js";
import { nearestName } from "./util/nearest-name.js";

/** What an option must be, in words, and whether a value is. */
interface Kind {
  readonly takes: string;
  readonly fits: (value: unknown) => boolean;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isInstant = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime());
/** Beyond this no `Date` can be: 100 million days from 1970. */
const MAX_SECONDS = 8.64e12;

const SECONDS: Kind = {
  takes: "a number of seconds",
  fits: (value) => isNumber(value) && Math.abs(value) < MAX_SECONDS / 2,
};
const LIMIT: Kind = { takes: "a number of seconds above 0", fits: (value) => isNumber(value) && value > 0 };
const INSTANT: Kind = { takes: "a valid Date", fits: isInstant };
const WHEN: Kind = {
  takes: "a number of seconds or a valid Date",
  fits: (value) => SECONDS.fits(value) || isInstant(value),
};
const PRIORITY: Kind = {
  takes: "a whole number from 0 to 9",
  fits: (value) => Number.isInteger(value) && isNumber(value) && value >= 0 && value <= 9,
};
const NAME: Kind = { takes: "a text that is not empty", fits: (value) => typeof value === "string" && value !== "" };
const TEXT: Kind = { takes: "a text", fits: (value) => typeof value === "string" };
const FLAG: Kind = { takes: "true or false", fits: (value) => typeof value === "boolean" };
const OBJECT: Kind = { takes: "an object", fits: (value) => typeof value === "object" && value !== null };

/** Every option of `ApplyOptions`. An exchange may have the empty name: AMQP's default exchange. */
const OPTIONS: ReadonlyMap<string, Kind> = new Map([
  ["countdown", SECONDS],
  ["eta", INSTANT],
  ["expires", WHEN],
  ["priority", PRIORITY],
  ["queue", NAME],
  ["exchange", TEXT],
  ["routingKey", TEXT],
  ["taskId", NAME],
  ["headers", OBJECT],
  ["timeLimit", LIMIT],
  ["softTimeLimit", LIMIT],
  ["retry", FLAG],
  ["retryPolicy", OBJECT],
  ["ignoreResult", FLAG],
  ["link", OBJECT],
  ["linkError", OBJECT],
  ["shadow", TEXT],
]);

/**
 * Refuses call options that no worker could follow: what the compiler cannot see (NaN, a range) and what reaches it unseen, from
 * JavaScript or JSON. An option that is undefined counts as left out.
 * Throws a `ConfigurationError` with the code `bad_call_options` that lists everything that is wrong; nothing has been sent then.
 */
export function checkCallOptions(options: object): void {
  const problems = Object.entries(options).flatMap(([name, value]) => problemOf(name, value) ?? []);
  if (problems.length > 0)
    throw new ConfigurationError(`the call cannot be sent: ${problems.join("; ")}`, { code: "bad_call_options" });
}

function problemOf(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const kind = OPTIONS.get(name);
  if (kind) return kind.fits(value) ? undefined : `${name} must be ${kind.takes}; got ${shown(value)}`;
  const nearest = nearestName(name, [...OPTIONS.keys()]);
  return nearest ? `there is no option ${name}: did you mean ${nearest}?` : `there is no option ${name}`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  if (value instanceof Date) return "an invalid Date";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
