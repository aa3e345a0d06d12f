export interface Followed {
  /** What the box shows. */
  readonly text: string;
  /** What was sent to the address and has not come back. */
  readonly sent: readonly string[];
}

/**
 * What a search box shows when its address has changed to `value`: what is being typed, when that is its own text coming back (typing
 * may have gone on since) or says the same; else the address's text (Back, Clear, a saved view).
 */
export function followAddress(text: string, value: string, sent: readonly string[]): Followed {
  const place = sent.indexOf(value);
  if (place >= 0) return { text, sent: sent.slice(place + 1) };
  return { text: text.trim() === value ? text : value, sent: [] };
}
