import type { Logger } from "lovage";
import { isFields, reprArgs, reprKwargs, reprValue } from "lovage/internal";
import { exactJson } from "./bounded-json.js";
import { keptText, LIMITS } from "./narrow.js";
import { redactText, redactValue } from "./redact.js";

/** What a task was called with and gave, as it was heard. `undefined`: not told. */
export interface HeardContents {
  /** Of the task. Undefined where it is not known: the app's redaction, which goes by it, cannot tell then what to hide. */
  readonly name: string | undefined;
  /** Texts for people. */
  readonly args: string | undefined;
  readonly kwargs: string | undefined;
  readonly result: string | undefined;
  /** Exact values, where they are known. */
  readonly exactArgs: readonly unknown[] | undefined;
  readonly exactKwargs: Readonly<Record<string, unknown>> | undefined;
  readonly exactResult: { readonly value: unknown } | undefined;
}

/** The same as it may be stored. Null: not told, or too long. */
export interface KeptContents {
  readonly args: string | null;
  readonly kwargs: string | null;
  readonly result: string | null;
  readonly argsJson: string | null;
  readonly kwargsJson: string | null;
  readonly resultJson: string | null;
}

/** The app's own redaction, as `LovageOptions.redact` has it. */
export type AppRedact = (task: {
  readonly name: string;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly result: unknown;
}) => unknown;

export interface ContentsGuardOptions {
  readonly redact: AppRedact | undefined;
  readonly logger: Logger;
  /** Seconds on a clock that never jumps. */
  readonly monotonic?: () => number;
}

/** Seconds that one call of the app's redaction may take before it counts as slow. */
const SLOW = 0.05;
/** Slow calls in a row after which it is not called for a while, and everything is hidden instead. */
const SLOW_CALLS = 20;
const PAUSE = 60;
/** Seconds between two complaints in the log. */
const COMPLAIN_EVERY = 60;

const HIDDEN = "hidden: the app's redact() failed";
const HIDDEN_NAMELESS = "hidden: the app's redact() goes by the task's name, which is not known";

/**
 * Redacts arguments and results, once, before anything is stored or shown: secrets by name and form, then the app's own. Whatever goes
 * wrong in the app's function hides the contents rather than let them through.
 */
export class ContentsGuard {
  readonly #redact: AppRedact | undefined;
  readonly #logger: Logger;
  readonly #monotonic: () => number;
  #slow = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor({ redact, logger, monotonic = () => performance.now() / 1000 }: ContentsGuardOptions) {
    this.#redact = redact;
    this.#logger = logger;
    this.#monotonic = monotonic;
  }

  keep(heard: HeardContents): KeptContents {
    const masked = maskContents(heard);
    return this.#redact ? this.#keepByApp(heard.name, masked, this.#redact) : keptContents(masked);
  }

  #keepByApp(name: string | undefined, masked: HeardContents, redact: AppRedact): KeptContents {
    const given = {
      args: masked.exactArgs ?? masked.args,
      kwargs: masked.exactKwargs ?? masked.kwargs,
      result: masked.exactResult ? masked.exactResult.value : masked.result,
    };
    if (given.args === undefined && given.kwargs === undefined && given.result === undefined) return NOTHING;
    if (name === undefined) return hiddenContents(masked, HIDDEN_NAMELESS);
    const before = snapshot(given);
    const returned = this.#call(name, given, redact);
    if (!returned) return hiddenContents(masked, HIDDEN);
    return { ...keptContents(masked), ...changedContents(before, returned) };
  }

  #call(name: string, given: Contents, redact: AppRedact): Contents | undefined {
    const startedAt = this.#monotonic();
    if (startedAt < this.#pausedUntil) return undefined;
    try {
      const returned = redact({ name, ...given });
      if (isContents(returned, given)) return onlyTold(returned, given);
      this.#complain("the app's redact() returned something of another shape: contents are hidden", { task: name });
    } catch (error) {
      // Not what it threw: its message may hold what was to be hidden.
      this.#complain("the app's redact() threw: contents are hidden", {
        task: name,
        error: error instanceof Error ? error.name : typeof error,
      });
    } finally {
      this.#noteDuration(this.#monotonic() - startedAt, name);
    }
    return undefined;
  }

  #noteDuration(seconds: number, task: string): void {
    this.#slow = seconds > SLOW ? this.#slow + 1 : 0;
    if (this.#slow < SLOW_CALLS) return;
    this.#slow = 0;
    this.#pausedUntil = this.#monotonic() + PAUSE;
    this.#complain(`the app's redact() is too slow: contents are hidden for ${PAUSE} s`, { task, seconds });
  }

  #complain(message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#monotonic();
    if (now - this.#complainedAt < COMPLAIN_EVERY) return;
    this.#complainedAt = now;
    this.#logger.error(message, fields);
  }
}

interface Contents {
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly result: unknown;
}

const NOTHING: KeptContents = {
  args: null,
  kwargs: null,
  result: null,
  argsJson: null,
  kwargsJson: null,
  resultJson: null,
};

function maskContents(heard: HeardContents): HeardContents {
  const args = heard.exactArgs && exactPart(heard.exactArgs);
  const kwargs = heard.exactKwargs && exactPart(heard.exactKwargs);
  return {
    name: heard.name,
    args: heard.args && redactText(keptText(heard.args, LIMITS.value)),
    kwargs: heard.kwargs && redactText(keptText(heard.kwargs, LIMITS.value)),
    result: heard.result && redactText(keptText(heard.result, LIMITS.value)),
    exactArgs: Array.isArray(args) ? args : undefined,
    exactKwargs: isFields(kwargs) ? kwargs : undefined,
    exactResult: exactResultOf(heard),
  };
}

function exactResultOf({ exactResult }: HeardContents): { readonly value: unknown } | undefined {
  const redacted = exactResult && redactValue(exactResult.value);
  return redacted && !redacted.cut ? { value: redacted.value } : undefined;
}

/** Masked; a value too large to be looked through whole is not exact, and so not one at all. */
function exactPart(value: unknown): unknown {
  const redacted = redactValue(value);
  return redacted.cut ? undefined : redacted.value;
}

function keptContents(masked: HeardContents): KeptContents {
  const { args, kwargs, result, exactArgs, exactKwargs, exactResult } = masked;
  return {
    args: kept(args ?? (exactArgs && reprArgs(exactArgs))),
    kwargs: kept(kwargs ?? (exactKwargs && reprKwargs(exactKwargs))),
    result: kept(result ?? (exactResult && reprValue(exactResult.value))),
    argsJson: exactArgs ? keptJson(exactArgs) : null,
    kwargsJson: exactKwargs ? keptJson(exactKwargs) : null,
    resultJson: exactResult ? keptJson(exactResult.value) : null,
  };
}

/** What the app has changed is no longer what was sent: shown as text, and never taken for exact. */
function changedContents(before: Snapshot, { args, kwargs, result }: Contents): Partial<KeptContents> {
  return {
    ...(snapshotOf(args) !== before.args && { args: shown(args), argsJson: null }),
    ...(snapshotOf(kwargs) !== before.kwargs && { kwargs: shown(kwargs), kwargsJson: null }),
    ...(snapshotOf(result) !== before.result && { result: shown(result), resultJson: null }),
  };
}

function hiddenContents(
  { args, kwargs, result, exactArgs, exactKwargs, exactResult }: HeardContents,
  why: string,
): KeptContents {
  return {
    ...NOTHING,
    ...((args ?? exactArgs) !== undefined && { args: why }),
    ...((kwargs ?? exactKwargs) !== undefined && { kwargs: why }),
    ...((result ?? exactResult) !== undefined && { result: why }),
  };
}

/** An app may always give back `args: []`: of what was not told nothing is kept. */
function onlyTold({ args, kwargs, result }: Contents, given: Contents): Contents {
  return {
    args: given.args === undefined ? undefined : args,
    kwargs: given.kwargs === undefined ? undefined : kwargs,
    result: given.result === undefined ? undefined : result,
  };
}

/** The shape that was given: what was an array, an object, a text, or not told, is that still. Results may be anything. */
function isContents(value: unknown, given: Contents): value is Contents {
  return (
    isFields(value) && sameShape(value.args, given.args) && sameShape(value.kwargs, given.kwargs) && !isThenable(value)
  );
}

function sameShape(value: unknown, given: unknown): boolean {
  if (given === undefined) return true;
  return (
    typeof value === typeof given &&
    Array.isArray(value) === Array.isArray(given) &&
    (value === null) === (given === null)
  );
}

function isThenable(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value.then === "function";
}

interface Snapshot {
  readonly args: string;
  readonly kwargs: string;
  readonly result: string;
}

/** Taken before the call: the app may change the objects it is given. */
function snapshot({ args, kwargs, result }: Contents): Snapshot {
  return { args: snapshotOf(args), kwargs: snapshotOf(kwargs), result: snapshotOf(result) };
}

function snapshotOf(value: unknown): string {
  return exactJson(value, Number.POSITIVE_INFINITY) ?? reprValue(value, LIMITS.value);
}

function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return keptText(typeof value === "string" ? value : reprValue(value, LIMITS.value), LIMITS.value);
}

function kept(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : keptText(text, LIMITS.value);
}

/** With the characters that JSON escapes, a text of 8 KiB of values may be longer. */
function keptJson(value: unknown): string | null {
  return exactJson(value, LIMITS.value * 2) ?? null;
}
