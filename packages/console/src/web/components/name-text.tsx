/** What would be seen as nothing: blanks, and characters that only tell how others are set. */
const INVISIBLE = /^[\s\p{Cf}]*$/u;

/** A stranger's name as a title or link may show it: one that would be seen as nothing stands in quotes. */
export function nameText(name: string): string {
  return INVISIBLE.test(name) ? `“${name}”` : name;
}

/** A stranger's name, set apart from the text around it whatever direction it is written in. */
export function Name({ children }: { readonly children: string }) {
  return <bdi>{nameText(children)}</bdi>;
}
