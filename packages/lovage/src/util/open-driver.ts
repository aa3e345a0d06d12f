import { ConfigurationError } from "../errors.js";
import { nearestName } from "./nearest-name.js";
import { maskUrls } from "./secrets.js";

/** The entry of `drivers` that a URL's scheme names. Throws a `ConfigurationError` that lists them; never shows a password. */
export function driverFor<D>(url: string, drivers: Readonly<Record<string, D>>, what: string): D {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  const found = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  if (found) return found;
  const known = Object.keys(drivers);
  const nearest = nearestName(scheme, known);
  throw new ConfigurationError(
    `${what} ${maskUrls(url)} has ${scheme ? `the unknown scheme ${scheme}` : "no scheme"}${nearest ? ` (did you mean ${nearest}?)` : ""}: known are ${known.map((name) => `${name}:`).join(", ")}`,
    {
      code: "unknown_scheme",
    },
  );
}
