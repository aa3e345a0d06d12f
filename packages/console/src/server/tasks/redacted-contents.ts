import type { ConsoleParts } from "../parts.js";

/** What a task was given and gave, as it was found. */
export interface FoundContents {
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly result?: unknown;
}

/**
 * Without what the app's own `redact` takes out; nothing at all where it cannot tell, or where the task's name, by which it goes, is not
 * known. Secrets by name and form are not masked here: see `redactValue`.
 */
export function redactedByApp(
  { app, logger }: Pick<ConsoleParts, "app" | "logger">,
  name: string | null,
  contents: FoundContents,
): FoundContents {
  if (!app.redact) return contents;
  if (name === null) return {};
  const { args, kwargs, result } = contents;
  try {
    const shown = app.redact({ name, args, kwargs, result });
    return { args: shown.args, kwargs: shown.kwargs, result: shown.result };
  } catch (error) {
    // Not what it threw: its message may hold what was to be hidden.
    logger.warn("the app's redact() threw: contents are hidden", {
      task: name,
      error: error instanceof Error ? error.name : typeof error,
    });
    return {};
  }
}
