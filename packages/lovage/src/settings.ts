import { ConfigurationError } from "./errors.js";
import { type Kind, Problem } from "./settings/kinds.js";
import { SETTINGS, type SettingName } from "./settings/table.js";
import { nearestName } from "./util/nearest-name.js";

export type {
  QueueSetting,
  RetryPolicySetting,
  RouteFinder,
  RouteFunction,
  RouteSetting,
  RouteTable,
} from "./settings/kinds.js";

type InputOf<S> = S extends { kind: Kind<infer Input, unknown> } ? Input : never;
type ValueOf<S> = S extends { kind: { parse(value: unknown): infer Value } } ? Value : never;

/** Settings as a user writes them; what is left out comes from the environment, then from the defaults. */
export type LovageSettings = { readonly [Name in SettingName]?: InputOf<(typeof SETTINGS)[Name]> | undefined };
/** All settings, checked and frozen. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

const NAMES = Object.keys(SETTINGS);
const PREFIX = "LOVAGE_";

/** As in `LOVAGE_BROKER_URL` for `brokerUrl`. */
export function environmentName(setting: string): string {
  return PREFIX + setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * The settings of an app: each from `options`, else from the environment, else its default. This is the only place that reads the
 * environment. Throws one `ConfigurationError` that lists everything wrong.
 */
export function resolveSettings(options: LovageSettings = {}, environment: NodeJS.ProcessEnv = process.env): Settings {
  const { settings, problems } = checkSettings(options, environment);
  if (problems.length > 0) {
    throw new ConfigurationError(
      problems.length === 1 ? `${problems[0]}` : `${problems.length} settings are wrong:\n  ${problems.join("\n  ")}`,
      { code: "bad_settings" },
    );
  }
  return settings;
}

/** The check alone: what is wrong, in sentences; `settings` are complete when nothing is. */
export function checkSettings(
  options: LovageSettings,
  environment: NodeJS.ProcessEnv = process.env,
): { settings: Settings; problems: string[] } {
  const given: Readonly<Record<string, unknown>> = { ...options };
  const problems = [
    ...Object.keys(given)
      .filter((name) => !NAMES.includes(name))
      .map(unknownSetting),
    ...misspeltVariables(environment),
  ];
  const resolved: Record<string, unknown> = {};
  for (const [name, { kind, default: standard }] of Object.entries(SETTINGS)) {
    const written = environment[environmentName(name)];
    const [source, value] =
      given[name] !== undefined
        ? [name, given[name]]
        : written !== undefined
          ? [environmentName(name), kind.fromText(written)]
          : [name, standard];
    try {
      resolved[name] = kind.parse(value);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(`${source} ${error.message}`);
    }
  }
  // Each member has just been parsed by its own kind, which is where its type comes from.
  return { settings: Object.freeze(resolved) as Settings, problems };
}

function unknownSetting(name: string): string {
  const nearest = nearestName(name, NAMES);
  return nearest ? `there is no setting ${name}: did you mean ${nearest}?` : `there is no setting ${name}`;
}

/**
 * Variables of ours that are a slip or two away from a setting's. Others that begin with our prefix may belong to somebody else,
 * and are left alone.
 */
function misspeltVariables(environment: NodeJS.ProcessEnv): string[] {
  const known = NAMES.map(environmentName);
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .flatMap((name) => {
      const nearest = nearestName(name, known, 2);
      return nearest ? [`there is no variable ${name}: did you mean ${nearest}?`] : [];
    });
}

/** The table of settings for docs and help; `standard` is the default, as a user would write it. */
export function describeSettings(): {
  name: string;
  environment: string;
  expects: string;
  standard: unknown;
  doc: string;
}[] {
  return Object.entries(SETTINGS).map(([name, { kind, default: standard, doc }]) => ({
    name,
    environment: environmentName(name),
    expects: kind.expects,
    standard,
    doc,
  }));
}
