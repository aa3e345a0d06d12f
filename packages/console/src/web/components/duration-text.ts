/**
 * A length of time for people: `85 ms`, `1.4 s`, `12 s`, `1 m 12 s`, `3 h 5 m`, `2 d 4 h`. Two parts at most.
 * @param seconds negative ones are shown with a minus
 */
export function durationText(seconds: number): string {
  if (seconds < 0) return `−${durationText(-seconds)}`;
  if (seconds < 0.0005) return "0 ms";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return parts(whole, 60, "m", 1, "s");
  if (whole < 86_400) return parts(whole, 3600, "h", 60, "m");
  return parts(whole, 86_400, "d", 3600, "h");
}

function parts(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = Math.floor(seconds / large);
  const second = Math.floor((seconds % large) / small);
  return second === 0 ? `${first} ${largeUnit}` : `${first} ${largeUnit} ${second} ${smallUnit}`;
}
