import { isRecord, type Kind, names, Problem } from "./kinds.js";

/** A link in the console's navigation. */
export interface ConsoleLink {
  /** What people read. */
  readonly label: string;
  /** `https://…`, `http://…`, or a path on the console's own host, as in `/posts`. */
  readonly href: string;
}

export const links: Kind<readonly ConsoleLink[], readonly ConsoleLink[]> = {
  expects: "a list of {label, href}, where href is an http or https URL or a path from the root",
  parse(value) {
    if (Array.isArray(value) && value.every(isLink)) {
      return Object.freeze(value.map(({ label, href }) => Object.freeze({ label, href })));
    }
    throw new Problem(`must be ${links.expects}`);
  },
  fromText(text) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  },
};

function isLink(value: unknown): value is ConsoleLink {
  if (!isRecord(value) || typeof value.label !== "string" || value.label === "") return false;
  if (typeof value.href !== "string") return false;
  // Nothing that a browser would run, as `javascript:`; `//host` would leave the host in disguise.
  return /^\/(?!\/)/.test(value.href) || isHttpUrl(value.href);
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** `name:role:scrypt$N$r$p$salt$hash`, salt and hash in base64url; without a hash for those whom a proxy knows. */
const USER = /^[^:]{1,100}:(viewer|operator|admin)(:scrypt\$\d{1,10}\$\d{1,5}\$\d{1,5}\$[\w+/=-]+\$[\w+/=-]+)?$/;

export const users: Kind<readonly string[], readonly string[]> = {
  expects: "a list of name:role:hash, as `lovage console hash-password` prints them, or name:role",
  parse(value) {
    if (!Array.isArray(value)) throw new Problem(`must be ${users.expects}`);
    const entries: unknown[] = value;
    const checked = entries.filter((each): each is string => typeof each === "string" && USER.test(each));
    // The entries themselves are secrets: which of them is wrong is all that may be said.
    const wrong = entries.findIndex((each) => typeof each !== "string" || !USER.test(each));
    if (wrong >= 0) throw new Problem(`must be ${users.expects}; entry ${wrong + 1} is not of this form`);
    const twice = checked.map(userName).find((name, at, all) => all.indexOf(name) !== at);
    if (twice !== undefined)
      throw new Problem(`must be a list that names each user once; ${JSON.stringify(twice)} is there twice`);
    return Object.freeze(checked);
  },
  fromText: (text) => names.fromText(text),
};

function userName(entry: string): string {
  return entry.slice(0, entry.indexOf(":"));
}

export const origins: Kind<readonly string[], readonly string[]> = {
  expects: "a list of exact origins, as in https://ops.example.com",
  parse(value) {
    if (Array.isArray(value) && value.every(isOrigin)) return Object.freeze([...value]);
    throw new Problem(`must be ${origins.expects}`);
  },
  fromText: (text) => names.fromText(text),
};

function isOrigin(value: unknown): value is string {
  return typeof value === "string" && isHttpUrl(value) && new URL(value).origin === value;
}

export const cssColor: Kind<string, string> = {
  expects: "a colour, as in #c00, #cc0000 or crimson",
  parse(value) {
    if (typeof value === "string" && /^(#[0-9a-f]{3}|#[0-9a-f]{6}|[a-z]{3,32})$/i.test(value)) return value;
    throw new Problem(`must be ${cssColor.expects}`);
  },
  fromText: (text) => text,
};
