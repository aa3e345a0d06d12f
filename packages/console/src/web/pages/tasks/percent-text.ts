/** A share from 0 to 1 as `98 %`, with a decimal where rounding would claim all or nothing; "–" when it is not known. */
export function percentText(share: number | null): string {
  if (share === null) {
    return "–";
  }
  const percent = share * 100;
  const rounded = Math.round(percent);
  const claims = (rounded === 100 && share < 1) || (rounded === 0 && share > 0);
  if (!claims) {
    return `${rounded} %`;
  }
  return rounded === 100
    ? `${Math.min(99.9, Math.floor(percent * 10) / 10)} %`
    : `${Math.max(0.1, Math.ceil(percent * 10) / 10)} %`;
}
