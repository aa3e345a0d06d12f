/** The states as chips are offered, in the order of a task's life. The pages share types with the server, not code. */
export const CHIP_STATES = [
  "PENDING",
  "SCHEDULED",
  "RECEIVED",
  "STARTED",
  "PROGRESS",
  "RETRY",
  "SUCCESS",
  "FAILURE",
  "REVOKED",
  "REJECTED",
  "IGNORED",
  "LOST",
] as const;

/** States after which nothing more happens, as the API has them. */
export const FINAL_STATES: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"]);

/** States in the order of the chips, custom ones (in the order of their names) after the running ones. */
export function statesInOrder(states: Iterable<string>): string[] {
  const seen = new Set(states);
  const known = CHIP_STATES.filter((state) => seen.has(state));
  const custom = [...seen].filter((state) => !isChipState(state)).sort();
  return [...known, ...custom];
}

function isChipState(state: string): boolean {
  return CHIP_STATES.some((known) => known === state);
}
