/** Ranges of time that end now, as the API names them. */
export const TIME_RANGES = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
export type TimeRangeName = (typeof TIME_RANGES)[number];

const SECONDS: Readonly<Record<TimeRangeName, number>> = {
  "15m": 900,
  "1h": 3600,
  "6h": 21_600,
  "24h": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
};

/** When a range that ends now began, to the minute: so that links made within it are the same. */
export function rangeStart(range: TimeRangeName, nowMs: number = Date.now()): string {
  const minute = 60_000;
  return new Date(Math.floor((nowMs - SECONDS[range] * 1000) / minute) * minute).toISOString();
}
