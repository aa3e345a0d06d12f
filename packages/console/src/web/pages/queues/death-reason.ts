/** Why a message died, as words: `deliveries_used_up` is "deliveries used up". Reasons of other programs are shown as they come. */
export function reasonText(reason: string): string {
  return /^[a-z_]+$/.test(reason) ? reason.replaceAll("_", " ") : reason;
}
