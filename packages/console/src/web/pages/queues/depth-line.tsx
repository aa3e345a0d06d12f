const WIDTH = 96;
const HEIGHT = 22;

/** How many messages were ready in the last five minutes, as a line; where there was no sample it is broken. */
export function DepthLine({ values, name }: { readonly values: readonly (number | null)[]; readonly name: string }) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) {
    return (
      <span className="lv-none" title="no sample yet">
        –
      </span>
    );
  }
  const label = `${name}, ready in the last 5 minutes: ${known[0]} at first, ${Math.max(...known)} at most, ${known.at(-1)} now`;
  return (
    <svg
      className="lv-depth-line"
      role="img"
      aria-label={label}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
    >
      <title>{label}</title>
      <path d={pathOf(values)} fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}

/** From 0 up: a line that only seems to move because its axis begins at 1,000 would mislead. */
function pathOf(values: readonly (number | null)[]): string {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  let drawing = false;
  return values
    .map((value, place) => {
      if (value === null) {
        drawing = false;
        return "";
      }
      const point = `${drawing ? "L" : "M"}${(place * step).toFixed(1)} ${(HEIGHT - 1.5 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
      // A single sample between two gaps would be no line at all.
      const alone = !drawing && (values[place + 1] ?? null) === null;
      drawing = true;
      return alone ? `${point}h1.5` : point;
    })
    .join("");
}
