/** What decides whether a write takes the place of an earlier one. */
export interface StoredState {
  readonly status: string;
  /** Of the newest delivery that wrote; undefined when none had a fence. */
  readonly fence: number | undefined;
}

/**
 * Whether a write with this fence takes the place of what is stored; the rule of `ResultBackend.store`. A write without a fence,
 * such as the `revoke` command's, is held up by a SUCCESS only.
 */
export function mayReplace(stored: StoredState, fence: number | undefined): boolean {
  if (fence !== undefined && fence > (stored.fence ?? Number.NEGATIVE_INFINITY)) return true;
  const isLower = fence !== undefined && stored.fence !== undefined && fence < stored.fence;
  return !isLower && stored.status !== "SUCCESS";
}
