/** Whether a routing key matches an AMQP topic pattern: words between dots, `*` for one word, `#` for any number of words. */
export function matchesTopic(pattern: string, routingKey: string): boolean {
  return matchesWords(pattern.split("."), routingKey.split("."));
}

/** Row by row over the words of the pattern, so that a hostile pattern takes no more than pattern × key steps. */
function matchesWords(pattern: readonly string[], words: readonly string[]): boolean {
  // reached[n]: the pattern so far matches the first n words.
  let reached = new Array<boolean>(words.length + 1).fill(false);
  reached[0] = true;
  for (const part of pattern) {
    const next = new Array<boolean>(words.length + 1).fill(false);
    for (let n = 0; n <= words.length; n++) {
      if (part === "#") next[n] = reached[n] === true || (n > 0 && next[n - 1] === true);
      else if (n > 0) next[n] = reached[n - 1] === true && (part === "*" || part === words[n - 1]);
    }
    reached = next;
  }
  return reached[words.length] === true;
}
