import { setTimeout as wait } from "node:timers/promises";

/** What a report is wanted of. */
export interface ReportOrder {
  readonly city: string;
  /** Go wrong on the way, to see what that looks like. */
  readonly fails: boolean;
}

export interface ReportOptions {
  /** Seconds. */
  readonly length: number;
  /** Stops the work when it aborts. */
  readonly signal: AbortSignal;
  /** Called after each step, of `REPORT_STEPS`. */
  readonly onStep?: (step: number) => void | Promise<void>;
}

export const REPORT_STEPS = 10;
const STEP_THAT_FAILS = 4;

/**
 * Makes a report, slowly: it only waits, as a program waits for a slow service, and gives one line of text. Throws when the order
 * says so, and the signal's reason when that aborts.
 */
export async function makeReport({ city, fails }: ReportOrder, options: ReportOptions): Promise<string> {
  const { length, signal, onStep } = options;
  for (let step = 1; step <= REPORT_STEPS; step++) {
    await wait((length * 1000) / REPORT_STEPS, undefined, { signal });
    if (fails && step === STEP_THAT_FAILS) throw new Error(`no figures from ${city} today`);
    await onStep?.(step);
  }
  return `${city}: ${linesOf(city)} lines`;
}

/** As good as any number, and the same each time. */
function linesOf(city: string): number {
  return [...city].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9000, 7) + 1000;
}
