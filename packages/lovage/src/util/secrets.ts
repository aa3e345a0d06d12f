/** What stands for a secret wherever people or programs may look. As Celery masks its settings. */
export const MASK = "********";

/** Names whose values nobody should see: as settings, log fields or URL parameters. */
const SECRET_NAME = /password|passwd|secret|token|credential|api_?key|private_?key|authorization|cookie/i;
/**
 * `scheme://user:password@`, up to the last `@`, since passwords may hold one: rather too much is masked than too little.
 * The counts keep the search linear in what it is given.
 */
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@?#]{0,256}:)[^\s?#"']{1,1024}@/gi;
const URL_PARAMETER = /([?&](?:password|passwd|secret|token|api_?key)=)[^&\s#]{1,1024}/gi;
/** Levels looked into; what is deeper is left out. */
const MAX_DEPTH = 8;

/** The text with the passwords of all URLs in it masked; their users, hosts and paths stay readable. */
export function maskUrls(text: string): string {
  if (!text.includes("://")) return text;
  return text.replace(URL_PASSWORD, `$1${MASK}@`).replace(URL_PARAMETER, `$1${MASK}`);
}

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** A copy of plain data in which no secret is left: values under secret names, and passwords in URLs. */
export function maskSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return maskUrls(value);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return "…";
  if (Array.isArray(value)) return value.map((each) => maskSecrets(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      isSecretName(name) && each !== null && each !== undefined ? MASK : maskSecrets(each, depth + 1),
    ]),
  );
}
