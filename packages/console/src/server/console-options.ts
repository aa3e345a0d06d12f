import type { Lovage } from "lovage";

/** How people are known. */
export const AUTH_MODES = ["none", "basic", "header"] as const;
export type AuthMode = (typeof AUTH_MODES)[number];

/** How a console is run; the command line and the app's `console…` settings fill it in. Durations in seconds. */
export interface ConsoleOptions {
  readonly host: string;
  readonly port: number;
  /** As in `/console`; "" for none. */
  readonly urlPrefix: string;
  readonly auth: AuthMode;
  /** Makes everyone a viewer. */
  readonly readOnly: boolean;
  /** Addresses (or CIDR ranges) of proxies that may name the user in a header. */
  readonly trustProxy: readonly string[];
  readonly userHeader: string;
  /** Role of users that a trusted header names, and of no list. */
  readonly headerRole: "viewer" | "operator" | "admin";
  readonly metricsPublic: boolean;
  /** `sqlite:FILE` or `postgres://…`. */
  readonly store: string;
  readonly environment: { readonly name: string; readonly color: string | null };
  readonly links: readonly { readonly label: string; readonly href: string }[];
  /** `name:role:scrypt$N$r$p$salt$hash`, from `consoleUsers`. */
  readonly users: readonly string[];
  readonly viewerSeesPayloads: boolean;
  readonly corsOrigins: readonly string[];
  readonly enableEvents: boolean;
  readonly inspectTimeout: number;
  /** Seconds after which offline workers are forgotten. */
  readonly purgeOfflineWorkers: number;
}

/** What is given, over what the app's settings say. Without `auth`, who has listed users means them to log in. */
export function consoleOptions({ name, settings }: Lovage, given: Partial<ConsoleOptions> = {}): ConsoleOptions {
  return {
    host: "127.0.0.1",
    port: 8000,
    urlPrefix: "",
    auth: settings.consoleUsers.length > 0 ? "basic" : "none",
    readOnly: false,
    trustProxy: [],
    userHeader: "x-forwarded-user",
    headerRole: "viewer",
    metricsPublic: false,
    store: settings.consoleStore,
    environment: { name: settings.consoleEnvironment ?? name, color: settings.consoleEnvironmentColor },
    links: settings.consoleLinks,
    users: settings.consoleUsers,
    viewerSeesPayloads: settings.consoleViewerSeesPayloads,
    corsOrigins: settings.consoleCorsOrigins,
    enableEvents: settings.consoleEnableEvents,
    inspectTimeout: settings.consoleInspectTimeout,
    purgeOfflineWorkers: settings.consolePurgeOfflineWorkers,
    ...given,
  };
}
