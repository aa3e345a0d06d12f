/** How long to wait before try number `attempt` (0 for the first repeat). */
export interface BackoffPolicy {
  /** Seconds before the first repeat. */
  readonly initial: number;
  /** Seconds at most between two tries. */
  readonly max: number;
  /** Each wait is this many times the one before. @default 2 */
  readonly factor?: number;
  /** Draw the wait evenly from 0 to its full length, so that many clients do not come back together. @default true */
  readonly jitter?: boolean;
}

/**
 * Seconds to wait before repeat number `attempt`, counted from 0: `initial × factor^attempt`, at most `max`,
 * with full jitter unless switched off.
 */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: () => number = Math.random): number {
  const { initial, max, factor = 2, jitter = true } = policy;
  const full = Math.min(max, initial * factor ** Math.min(attempt, 64));
  return jitter ? full * random() : full;
}
