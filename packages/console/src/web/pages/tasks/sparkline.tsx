/** A trend as small bars, drawn in the text's colour; `label` says it in words. */
export function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...values);
  const width = 6;
  return (
    <svg
      className="lv-sparkline"
      role="img"
      aria-label={label}
      width={values.length * width}
      height={22}
      viewBox={`0 0 ${values.length * width} 22`}
    >
      <title>{label}</title>
      {values.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(3, (value / most) * 22);
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
            key={index}
            x={index * width}
            y={22 - height}
            width={width - 1}
            height={height}
            fill="currentColor"
            opacity={value === 0 ? 0.35 : 1}
          />
        );
      })}
    </svg>
  );
}
