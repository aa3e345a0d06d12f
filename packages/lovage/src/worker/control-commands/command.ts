import { constants } from "node:os";
import { reprText, reprValue } from "../../protocol/repr.js";
import type { Worker } from "../worker.js";

/** What a remote control command is given. */
export interface CommandContext {
  readonly worker: Worker;
  readonly args: CommandArguments;
  /** Lets work go on after the answer; its failure is logged under this name. */
  background(what: string, work: Promise<unknown>): void;
}

/** One remote control command. Its answer is what the requester gets; `NO_REPLY` for none. */
export interface ControlCommand {
  /** Arguments that must be there, in Celery's order. */
  readonly required?: readonly string[];
  run(context: CommandContext): unknown;
}

/** Wire name → command. */
export type ControlCommands = Readonly<Record<string, ControlCommand>>;

/** The answer of commands that Celery leaves unanswered. Source: celery-protocol 9.2. */
export const NO_REPLY = Symbol("no reply");

/** The answer of a command that was carried out. */
export function ok(text: string): { readonly ok: string } {
  return { ok: text };
}
/** The answer of a command that was refused. */
export function refused(text: string): { readonly error: string } {
  return { error: text };
}

/** A request that cannot be carried out. The answer shows it as Python would: `ValueError('Autoscale not enabled')`. */
export class CommandError extends Error {
  readonly type: "ValueError" | "TypeError" | "KeyError";
  constructor(type: CommandError["type"], message: string) {
    super(message);
    this.type = type;
  }
}

/** An error as an answer shows it. Source: celery-protocol 9.2, "exception in the handler". */
export function errorText(error: unknown): string {
  if (error instanceof CommandError) return `${error.type}(${reprText(error.message)})`;
  if (error instanceof Error) return `${error.name}(${reprText(error.message)})`;
  return reprValue(error);
}

/** A request's arguments: anything may be in there. The readers throw a `CommandError` that names the argument. */
export class CommandArguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }
  /** The argument as it came; undefined when it is missing or null. */
  raw(name: string): unknown {
    return this.has(name) ? (this.#values[name] ?? undefined) : undefined;
  }

  /** Throws when one of them is missing, in the words of Python. */
  require(command: string, names: readonly string[]): void {
    const missing = names.filter((name) => !this.has(name)).map(reprText);
    if (missing.length === 0) return;
    const listed =
      missing.length <= 2 ? missing.join(" and ") : `${missing.slice(0, -1).join(", ")}, and ${missing.at(-1)}`;
    const plural = missing.length === 1 ? "" : "s";
    throw new CommandError(
      "TypeError",
      `${command}() missing ${missing.length} required positional argument${plural}: ${listed}`,
    );
  }

  text(name: string): string {
    const value = this.raw(name);
    if (typeof value === "string" && value !== "") return value;
    throw wrong(name, "a text that is not empty", value);
  }
  optionalText(name: string): string | undefined {
    return this.raw(name) === undefined ? undefined : this.text(name);
  }
  /** One text or a list of texts. */
  texts(name: string): readonly string[] {
    const value = this.raw(name);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.every((each) => typeof each === "string" && each !== "")) return list.map(String);
    throw wrong(name, "a text or a list of texts", value);
  }
  flag(name: string): boolean {
    return this.raw(name) === true;
  }
  /** A whole number from 1 on. */
  count(name: string, missing: number): number {
    const value = this.raw(name);
    if (value === undefined) return missing;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
    throw wrong(name, "a whole number from 1 on", value);
  }
  /** Seconds above 0; null and missing mean none. */
  optionalSeconds(name: string): number | null {
    const value = this.raw(name);
    if (value === undefined) return null;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw wrong(name, "a number of seconds above 0", value);
  }
  /** A signal by name (`SIGTERM`, `term`) or number. */
  signal(name: string, missing: string): string {
    const value = this.raw(name);
    if (value === undefined) return missing;
    const found = signalName(value);
    if (found !== undefined) return found;
    throw wrong(name, "the name or number of a signal", value);
  }
}

function wrong(name: string, expected: string, found: unknown): CommandError {
  return new CommandError("ValueError", `${name} must be ${expected}; got ${reprValue(found, 80)}`);
}

/** Python sends the number, or a name with or without SIG. */
function signalName(value: unknown): string | undefined {
  if (typeof value === "number") return Object.entries(constants.signals).find(([, number]) => number === value)?.[0];
  if (typeof value !== "string") return undefined;
  const upper = value.toUpperCase();
  const full = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return Object.hasOwn(constants.signals, full) ? full : undefined;
}
