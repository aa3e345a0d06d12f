import { InvalidArgumentError } from "commander";

export const AUTH_MODES = ["none", "basic", "header"] as const;
export type AuthMode = (typeof AUTH_MODES)[number];
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What the command line tells `@lovage/console`; what it does not, the console takes from the app's settings. */
export interface ConsoleOptions {
  readonly host: string;
  readonly port: number;
  /** As in `/console`; "" for none. */
  readonly urlPrefix: string;
  readonly userHeader: string;
  /** Role of users that a trusted header names, and of no list. */
  readonly headerRole: Role;
  readonly auth?: AuthMode;
  readonly readOnly?: boolean;
  /** Addresses, or ranges as in `10.0.0.0/8`. */
  readonly trustProxy?: readonly string[];
  readonly metricsPublic?: boolean;
  readonly store?: string;
}

/** The flags that were given, and nothing else that stands among the command's options. */
export function consoleOptions(flags: ConsoleOptions): ConsoleOptions {
  const { host, port, urlPrefix, userHeader, headerRole, auth, readOnly, trustProxy, metricsPublic, store } = flags;
  return {
    host,
    port,
    urlPrefix,
    userHeader,
    headerRole,
    ...(auth && { auth }),
    ...(readOnly !== undefined && { readOnly }),
    ...(trustProxy && { trustProxy }),
    ...(metricsPublic !== undefined && { metricsPublic }),
    ...(store !== undefined && { store }),
  };
}

/** `/x/y`, given with or without the slashes around it; "" for the root. */
export function parseUrlPrefix(text: string): string {
  const path = text.replace(/^\/+|\/+$/g, "");
  if (path === "") return "";
  const segments = path.split("/");
  if (segments.every((each) => /^[\w.~-]{1,100}$/.test(each) && !/^\.+$/.test(each))) return `/${path}`;
  throw new InvalidArgumentError("It is a path such as /console: letters, digits, dots, dashes and slashes.");
}

/** The name of an HTTP header (RFC 9110, "token"), in lower case. */
export function parseHeaderName(text: string): string {
  if (/^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("It is the name of an HTTP header, as in X-Forwarded-User.");
}
