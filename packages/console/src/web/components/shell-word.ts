/**
 * A name as one word of a shell command: names of queues come from anyone who can publish, and what is copied is run. Plain names stay as
 * they are; control characters, which a terminal would act on before any shell sees a quote, are spelled out (`$'…'` of bash and zsh).
 */
export function shellWord(name: string): string {
  if (/^[\w.@][\w.@-]*$/.test(name)) return name;
  if (!UNSEEN.test(name)) return `'${name.replaceAll("'", "'\\''")}'`;
  const spelled = name
    .replace(/[\\']/g, (sign) => `\\${sign}`)
    .replace(new RegExp(UNSEEN, "gu"), (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
  return `$'${spelled}'`;
}

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
