/** What stands for a secret wherever people or programs may look. As Celery masks its settings. */
export const MASK = "********";

/** Names whose values nobody should see: as settings, log fields or URL parameters. */
const SECRET_NAME = /password|passwd|secret|token|credential|api_?key|private_?key|authorization|cookie/i;
/** Characters of a URL's user, and of its password: what is longer is none, and the search stays linear in what it is given. */
const MAX_USER = 256;
const MAX_PASSWORD = 1024;
const SCHEME_END = /[a-z0-9+.-]/i;
const USER_END = /[\s/:@?#]|$/;
const PASSWORD_END = /[\s?#"']|$/;
const URL_PARAMETER = /([?&](?:password|passwd|secret|token|api_?key)=)[^&\s#]{1,1024}/gi;
/** Levels looked into; what is deeper is left out. */
const MAX_DEPTH = 8;

/** The text with the passwords of all URLs in it masked; their users, hosts and paths stay readable. */
export function maskUrls(text: string): string {
  if (!text.includes("://")) return text;
  // Without an @ there is no user in any URL.
  const named = text.includes("@") ? maskUrlPasswords(text) : text;
  return named.replace(URL_PARAMETER, `$1${MASK}`);
}

/**
 * `scheme://user:password@`, up to the last `@`, since passwords may hold one: rather too much is masked than too little. By hand, as a
 * pattern looks over the whole length of a password at every `://`, which strangers may write ten thousand times.
 */
function maskUrlPasswords(text: string): string {
  const users = new NextIn(text, USER_END);
  const passwords = new NextIn(text, PASSWORD_END);
  const ats = new NextIn(text, /@|$/);
  let result = "";
  let done = 0;
  for (let scheme = text.indexOf("://"); scheme !== -1; scheme = text.indexOf("://", Math.max(done, scheme + 3))) {
    const colon = users.from(scheme + 3);
    if (!SCHEME_END.test(text.charAt(scheme - 1)) || colon > scheme + 3 + MAX_USER || text.charAt(colon) !== ":")
      continue;
    const start = colon + 1;
    const furthest = Math.min(start + MAX_PASSWORD, passwords.from(start) - 1);
    if (ats.from(start) > furthest) continue;
    const at = text.lastIndexOf("@", furthest);
    if (at === start) continue;
    result += text.slice(done, start) + MASK;
    done = at;
  }
  return result + text.slice(done);
}

/** Where a pattern is found next; asked for places further and further on, it looks at each character once. */
class NextIn {
  readonly #text: string;
  readonly #pattern: RegExp;
  #found = -1;

  constructor(text: string, pattern: RegExp) {
    this.#text = text;
    this.#pattern = new RegExp(pattern, "g");
  }

  from(place: number): number {
    if (this.#found < place) {
      this.#pattern.lastIndex = place;
      this.#found = this.#pattern.exec(this.#text)?.index ?? this.#text.length;
    }
    return this.#found;
  }
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
