import { parseArgs } from "node:util";
import { isIsoDay } from "./scraper/post-date.js";

/** What `npm start -- …` asks for. */
export interface Options {
  /** End when the run is over, without the console and the pages. */
  readonly once: boolean;
  /** The blog to scrape; `undefined` means the bundled one. */
  readonly blog: string | undefined;
  readonly since: string | null;
  readonly until: string | null;
  readonly skip: number;
  readonly limit: number | null;
  /** Of the console; `undefined` means the usual one, or any free one if that is taken. */
  readonly port: number | undefined;
}

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problems: readonly string[] };

export const HELP = `Scrapes a blog in the background and shows how it goes.

  npm start                      scrape the bundled sample blog, and open the console
  npm start -- --once            … without the console, and end when the run is over
  npm start -- --blog URL        scrape the blog at that address

Options
  --blog URL      a Blogger blog, or any blog with an Atom or RSS feed
  --since DAY     first day wanted, year-month-day, included
  --until DAY     last day wanted, included
  --skip N        pass over the N newest posts of those days
  --limit N       extract at most N posts
  --once          end when the run is over: exit code 0 on success, 1 on failure
  --port N        port of the console (default 8000, or a free one if that is taken)
  --help          this text

Environment
  BLOG_SCRAPER_DATA      folder of the database files (default: .lovage in the example's folder)
  BLOG_SCRAPER_CONTACT   an address where a blog's owner can reach you, sent with every request
  LOVAGE_BROKER_URL      another broker: redis://…, amqp://…, postgres://…
  LOVAGE_RESULT_BACKEND  where results go, if not to the broker
  LOVAGE_CONSOLE_STORE   where the console keeps what it has seen: sqlite:…, postgres://…
  DATABASE_URL           a PostgreSQL database for the posts: postgres://…
`;

const FLAGS = {
  blog: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  skip: { type: "string" },
  limit: { type: "string" },
  port: { type: "string" },
  once: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads the command line. All problems are reported together; a flag that does not exist with the nearest one that does. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  // Not strict: its own messages stop at the first problem and know no nearest name.
  const { tokens } = parseArgs({ args: [...args], options: FLAGS, strict: false, tokens: true });
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") problems.push(`unexpected "${token.value}"; did you mean --blog ${token.value}?`);
    if (token.kind !== "option") continue;
    const problem = flagProblem(token.name, token.rawName, token.value);
    if (problem !== undefined) problems.push(problem);
    values.set(token.name, token.value ?? "");
  }
  if (values.has("help")) return { kind: "help" };
  problems.push(...valueProblems(values));
  if (problems.length > 0) return { kind: "wrong", problems };
  const blog = values.get("blog");
  return {
    kind: "run",
    options: {
      once: values.has("once"),
      blog: blog === undefined ? undefined : new URL(blog).href,
      since: values.get("since") ?? null,
      until: values.get("until") ?? null,
      skip: Number(values.get("skip") ?? 0),
      limit: values.has("limit") ? Number(values.get("limit")) : null,
      port: values.has("port") ? Number(values.get("port")) : undefined,
    },
  };
}

function flagProblem(name: string, rawName: string, value: string | undefined): string | undefined {
  const flag = Object.entries(FLAGS).find(([known]) => known === name)?.[1];
  if (flag === undefined) return `there is no ${rawName}${suggestion(name)}`;
  if (flag.type === "string" && (value ?? "") === "") return `${rawName} needs a value`;
  if (flag.type === "boolean" && value !== undefined) return `${rawName} takes no value`;
  return undefined;
}

function valueProblems(values: ReadonlyMap<string, string>): string[] {
  const check = (name: string, problemOf: (value: string) => string | undefined): string[] => {
    const value = values.get(name);
    const problem = value === undefined || value === "" ? undefined : problemOf(value);
    return problem === undefined ? [] : [`--${name} ${value}: ${problem}`];
  };
  return [
    ...check("blog", addressProblem),
    ...check("since", dayProblem),
    ...check("until", (until) => dayProblem(until) ?? orderProblem(values.get("since") ?? "", until)),
    ...check("skip", (skip) => countProblem(skip, 0)),
    ...check("limit", (limit) => countProblem(limit, 1)),
    ...check("port", portProblem),
  ];
}

const MAX_POSTS = 100_000;
const MAX_ADDRESS = 2000;

function addressProblem(address: string): string | undefined {
  const isWeb = URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
  if (!isWeb) return "Enter a web address such as https://example.blogspot.com/.";
  if (new URL(address).username !== "") return "Leave the user name and password out of the address.";
  return address.length > MAX_ADDRESS ? `Use at most ${MAX_ADDRESS} characters.` : undefined;
}

function dayProblem(day: string): string | undefined {
  return isIsoDay(day) ? undefined : "Enter a day as year-month-day, such as 2024-01-31.";
}

function orderProblem(since: string, until: string): string | undefined {
  return since !== "" && since > until ? "The last day is before the first." : undefined;
}

function countProblem(text: string, least: number): string | undefined {
  const isCount = /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= MAX_POSTS;
  return isCount ? undefined : `Enter a whole number from ${least} to ${MAX_POSTS}.`;
}

function portProblem(port: string): string | undefined {
  return /^\d{1,5}$/.test(port) && Number(port) <= 65535
    ? undefined
    : "Enter a port from 0 to 65535; 0 means any free one.";
}

function suggestion(name: string): string {
  const nearest = Object.keys(FLAGS)
    .map((flag) => ({ flag, distance: editDistance(name, flag) }))
    .sort((one, other) => one.distance - other.distance)[0];
  return nearest !== undefined && nearest.distance <= 2 ? `; did you mean --${nearest.flag}?` : "; see --help";
}

/** Levenshtein's distance: how many letters to change, add or leave out. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...to].entries()) {
      const change = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
