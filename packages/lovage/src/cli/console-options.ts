import { InvalidArgumentError } from "commander";
import type { Lovage } from "../app.js";

export const AUTH_MODES = ["none", "basic", "header"] as const;
export type AuthMode = (typeof AUTH_MODES)[number];
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What `@lovage/console` is opened with. Durations in seconds. */
export interface ConsoleOptions {
  readonly host: string;
  readonly port: number;
  /** As in `/console`; "" for none. */
  readonly urlPrefix: string;
  readonly auth: AuthMode;
  readonly readOnly: boolean;
  /** Addresses, or ranges as in `10.0.0.0/8`. */
  readonly trustProxy: readonly string[];
  readonly userHeader: string;
  /** Role of users that a trusted header names, and of no list. */
  readonly headerRole: Role;
  readonly metricsPublic: boolean;
  readonly store: string;
  readonly environment: { readonly name: string; readonly color: string | null };
  readonly links: readonly { readonly label: string; readonly href: string }[];
  readonly users: readonly string[];
  readonly viewerSeesPayloads: boolean;
  readonly corsOrigins: readonly string[];
  readonly enableEvents: boolean;
  readonly inspectTimeout: number;
  readonly purgeOfflineWorkers: number;
}

/** Flags of `lovage console`, as they were given. */
export interface ConsoleFlags {
  readonly host: string;
  readonly port: number;
  readonly urlPrefix: string;
  readonly auth?: AuthMode;
  readonly readOnly?: boolean;
  readonly trustProxy?: readonly string[];
  readonly userHeader: string;
  readonly headerRole: Role;
  readonly metricsPublic?: boolean;
  readonly store?: string;
}

/** What the command line says, over what the app's settings say. Without `--auth`, who has listed users means them to log in. */
export function consoleOptions(flags: ConsoleFlags, { name, settings }: Lovage): ConsoleOptions {
  const { host, port, urlPrefix, userHeader, headerRole } = flags;
  return {
    host,
    port,
    urlPrefix,
    auth: flags.auth ?? (settings.consoleUsers.length > 0 ? "basic" : "none"),
    readOnly: flags.readOnly ?? false,
    trustProxy: flags.trustProxy ?? [],
    userHeader,
    headerRole,
    metricsPublic: flags.metricsPublic ?? false,
    store: flags.store ?? settings.consoleStore,
    environment: { name: settings.consoleEnvironment ?? name, color: settings.consoleEnvironmentColor },
    links: settings.consoleLinks,
    users: settings.consoleUsers,
    viewerSeesPayloads: settings.consoleViewerSeesPayloads,
    corsOrigins: settings.consoleCorsOrigins,
    enableEvents: settings.consoleEnableEvents,
    inspectTimeout: settings.consoleInspectTimeout,
    purgeOfflineWorkers: settings.consolePurgeOfflineWorkers,
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
