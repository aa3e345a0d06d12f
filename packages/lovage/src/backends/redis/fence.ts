/**
 * A result's fence stands behind its JSON, as white space, which every reader of JSON skips: digits of base 4, most significant first,
 * of which space is 0, tab 1, line feed 2 and carriage return 3. So the value is Celery's to the byte but for its end, the fence lives and
 * dies with it, also when Python removes it, and costs neither a key (some 200 bytes a result) nor a command.
 */
const DIGITS = [" ", "\t", "\n", "\r"] as const;

/** What stands behind a result that is stored with this fence; nothing for one without. */
export function fenceText(fence: number | undefined): string {
  if (fence === undefined) return "";
  let text = "";
  for (const digit of fence.toString(4)) text += DIGITS[Number(digit)] ?? "";
  return text;
}
