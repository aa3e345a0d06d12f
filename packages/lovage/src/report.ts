import { arch, release } from "node:os";
import type { Lovage } from "./app.js";
import { SOFTWARE } from "./protocol/software.js";
import { SETTINGS } from "./settings/table.js";
import type { Settings } from "./settings.js";
import { isSecretName, MASK, maskSecrets, maskUrls } from "./util/secrets.js";

/**
 * Settings under Celery's names (`broker_url`), JSON-safe and without secrets: those that differ from their defaults, or with
 * `withDefaults` all.
 */
export function shownSettings(
  settings: Settings,
  options: { withDefaults: boolean },
): Readonly<Record<string, unknown>> {
  const values = new Map<string, unknown>(Object.entries(settings));
  const shown = Object.entries(SETTINGS).filter(
    ([name, { kind, default: standard }]) =>
      options.withDefaults || JSON.stringify(values.get(name)) !== JSON.stringify(kind.parse(standard)),
  );
  return Object.fromEntries(
    shown.map(([name, { secret }]) => [snakeCase(name), shownValue(name, values.get(name), secret)]),
  );
}

/** `brokerUrl` → `broker_url`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

/** What `lovage report` prints, and `inspect report` answers: versions, platform and settings, for bug reports. */
export function reportText(app: Lovage): string {
  const { settings } = app;
  const lines = Object.entries(shownSettings(settings, { withDefaults: false }));
  return [
    "",
    `software -> lovage:${SOFTWARE.sw_ver} node:${process.versions.node} v8:${process.versions.v8}`,
    `platform -> system:${SOFTWARE.sw_sys} arch:${arch()} kernel version:${release()}`,
    `app      -> ${app.name} (${app.taskNames.length} tasks)`,
    `settings -> broker:${maskUrls(settings.brokerUrl)} results:${maskUrls(settings.resultBackend ?? "disabled")}`,
    "",
    ...lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    "",
  ].join("\n");
}

function shownValue(name: string, value: unknown, secret = false): unknown {
  if (secret || isSecretName(name)) return MASK;
  if (name === "taskRoutes" && Array.isArray(value)) return `${value.length} routes`;
  return maskSecrets(value ?? null);
}
