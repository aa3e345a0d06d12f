import { decodeDocument } from "./charset.js";
import { ALLOW_ALL, parseRobots, type RobotsRules } from "./robots.js";
import { FetchError } from "./scrape-errors.js";
import { wait } from "./wait.js";

/** The product token that robots.txt rules for this scraper name. */
export const ROBOT_NAME = "lovage-blog-scraper";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** RFC 9309, 2.5: crawlers must read at least 500 KiB of a robots.txt. */
const ROBOTS_SIZE_BYTES = 512 * 1024;
const ACCEPT =
  "text/html,application/xhtml+xml,application/atom+xml,application/rss+xml,application/xml;q=0.9,*/*;q=0.1";

/** How politely to fetch. Times are in seconds. */
export interface FetcherOptions {
  /** An address or page where a blog's owner can reach whoever runs this scraper; sent with every request. */
  readonly contact?: string | undefined;
  /** Longest time for one request, headers and body together. @default 20 */
  readonly timeout?: number;
  /** Largest body accepted, in bytes after decompression. @default 5 MiB */
  readonly maxSizeBytes?: number;
  /** Most hops from one address to another. @default 5 */
  readonly maxRedirects?: number;
  /** How often one address is asked before giving up, the first time included. @default 3 */
  readonly attempts?: number;
  /** Pause before the second attempt; it doubles with each further one, give or take 25 %. @default 0.5 */
  readonly retryDelay?: number;
  /** Longest pause before another attempt, also where the server asks for more. @default 30 */
  readonly maxRetryDelay?: number;
  /** Pause between two requests, unless robots.txt asks for another. @default 0.5 */
  readonly pause?: number;
  /** Longest `Crawl-delay` that is honoured; a blog that asks for more is read at this pace. @default 10 */
  readonly maxPause?: number;
  /** A number from 0 to below 1, for jitter. @default Math.random */
  readonly random?: () => number;
  /** Told before each repeated attempt. */
  readonly onRetry?: (event: RetryEvent) => Promise<void> | void;
}

export interface RetryEvent {
  readonly url: string;
  readonly reason: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly attempts: number;
  /** Seconds until the next one. */
  readonly delay: number;
}

/** A fetched document. */
export interface FetchedPage {
  /** Where it was found, after redirects. */
  readonly url: string;
  readonly contentType: string;
  readonly text: string;
}

interface Answer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/**
 * Fetches pages as a guest should: says who it is, asks robots.txt first, one request at a time with a pause
 * between, and gives up within bounds (time, size, redirects, attempts). One fetcher serves one run; what it
 * learns of robots.txt it keeps for its lifetime. Every method rejects with the signal's reason when aborted.
 */
export class PageFetcher {
  readonly #options: Required<Omit<FetcherOptions, "contact" | "onRetry">>;
  readonly #onRetry: (event: RetryEvent) => Promise<void> | void;
  readonly #userAgent: string;
  readonly #robots = new Map<string, RobotsRules>();
  #lastRequestAtMs = Number.NEGATIVE_INFINITY;

  constructor({ contact, onRetry, ...options }: FetcherOptions = {}) {
    this.#options = {
      timeout: options.timeout ?? 20,
      maxSizeBytes: options.maxSizeBytes ?? 5 * 1024 * 1024,
      maxRedirects: options.maxRedirects ?? 5,
      attempts: options.attempts ?? 3,
      retryDelay: options.retryDelay ?? 0.5,
      maxRetryDelay: options.maxRetryDelay ?? 30,
      pause: options.pause ?? 0.5,
      maxPause: options.maxPause ?? 10,
      random: options.random ?? Math.random,
    };
    this.#onRetry = onRetry ?? (() => {});
    this.#userAgent = `${ROBOT_NAME}/0.1 (${contact === undefined ? "an example of the Lovage task queue" : `+${contact}`})`;
  }

  /**
   * Fetches one page as text.
   *
   * @throws FetchError when robots.txt forbids it, the server answers with an error, or a limit is passed.
   */
  async fetchPage(address: string, signal: AbortSignal): Promise<FetchedPage> {
    const answer = await this.#withRetries(address, signal, () => this.#follow(address, signal));
    const contentType = answer.headers.get("content-type") ?? "";
    if (!isText(contentType)) {
      throw new FetchError("not-text", `${answer.url} is not a page but ${contentType}`);
    }
    return { url: answer.url, contentType, text: decodeDocument(answer.bytes, contentType) };
  }

  async #withRetries(url: string, signal: AbortSignal, attemptOnce: () => Promise<Answer>): Promise<Answer> {
    const { attempts } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await attemptOnce();
      } catch (error) {
        if (!(error instanceof FetchError) || !error.temporary || attempt >= attempts) throw error;
        const delay = this.#retryDelay(attempt, error.retryAfter);
        await this.#onRetry({ url, reason: error.message, attempt, attempts, delay });
        await wait(delay, signal);
      }
    }
  }

  #retryDelay(attempt: number, retryAfter: number | undefined): number {
    const { retryDelay, maxRetryDelay, random } = this.#options;
    const backoff = retryDelay * 2 ** (attempt - 1) * (0.75 + random() / 2);
    return Math.min(Math.max(backoff, retryAfter ?? 0), maxRetryDelay);
  }

  /** One attempt: the address itself and what it redirects to, each hop allowed by its own robots.txt. */
  async #follow(address: string, signal: AbortSignal): Promise<Answer> {
    let url = parseAddress(address);
    for (let hops = 0; hops <= this.#options.maxRedirects; hops += 1) {
      await this.#checkRobots(url, signal);
      const answer = await this.#request(url, this.#options.maxSizeBytes, signal);
      const target = redirectTarget(answer, url);
      if (target === undefined) return expectSuccess(answer);
      url = target;
    }
    throw new FetchError("redirects", `${address} redirects more than ${this.#options.maxRedirects} times`);
  }

  async #checkRobots(url: URL, signal: AbortSignal): Promise<void> {
    let rules = this.#robots.get(url.origin);
    if (rules === undefined) {
      rules = await this.#fetchRobots(url.origin, signal);
      this.#robots.set(url.origin, rules);
    }
    if (!rules.allows(url.href)) {
      throw new FetchError("robots", `robots.txt of ${url.host} does not allow ${url.pathname}`);
    }
  }

  /** RFC 9309, 2.3.1: a missing file allows everything, an unreachable one (5xx) nothing. */
  async #fetchRobots(origin: string, signal: AbortSignal): Promise<RobotsRules> {
    let url = new URL("/robots.txt", origin);
    for (let hops = 0; hops <= this.#options.maxRedirects; hops += 1) {
      const answer = await this.#request(url, ROBOTS_SIZE_BYTES, signal);
      const target = redirectTarget(answer, url);
      if (target !== undefined) {
        url = target;
        continue;
      }
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return ALLOW_ALL;
      const text = decodeDocument(expectSuccess(answer).bytes, "text/plain; charset=utf-8");
      return parseRobots(`${origin}/robots.txt`, text, ROBOT_NAME);
    }
    return ALLOW_ALL;
  }

  /** One HTTP exchange, redirects not followed. */
  async #request(url: URL, maxSizeBytes: number, signal: AbortSignal): Promise<Answer> {
    await this.#keepPace(url.origin, signal);
    const deadline = AbortSignal.timeout(this.#options.timeout * 1000);
    const either = AbortSignal.any([signal, deadline]);
    try {
      const response = await fetch(url, {
        redirect: "manual",
        headers: { "user-agent": this.#userAgent, accept: ACCEPT },
        signal: either,
      });
      const bytes = await readBody(response, maxSizeBytes);
      return { url: url.href, status: response.status, headers: response.headers, bytes };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FetchError) throw error;
      if (deadline.aborted) {
        throw new FetchError("timeout", `${url.href} did not answer within ${this.#options.timeout} s`, {
          temporary: true,
          cause: error,
        });
      }
      throw connectionError(url, error);
    }
  }

  async #keepPace(origin: string, signal: AbortSignal): Promise<void> {
    const { pause, maxPause } = this.#options;
    const wanted = Math.min(this.#robots.get(origin)?.crawlDelay ?? pause, maxPause);
    await wait(wanted - (performance.now() - this.#lastRequestAtMs) / 1000, signal);
    this.#lastRequestAtMs = performance.now();
  }
}

function parseAddress(address: string): URL {
  if (!URL.canParse(address)) {
    throw new FetchError(
      "bad-address",
      `"${address}" is not a web address; expected something like https://example.com/`,
    );
  }
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new FetchError("bad-address", `cannot read ${url.protocol} addresses (${address}), only http and https`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new FetchError("bad-address", `the address of ${url.host} holds a user name or password; leave them out`);
  }
  return url;
}

function redirectTarget(answer: Answer, from: URL): URL | undefined {
  const location = answer.headers.get("location");
  if (!REDIRECTS.has(answer.status) || location === null) return undefined;
  if (!URL.canParse(location, from.href)) {
    throw new FetchError("redirects", `${from.href} redirects to "${location}", which is not an address`);
  }
  return parseAddress(new URL(location, from.href).href);
}

function expectSuccess(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new FetchError("http-status", `${answer.url} answered HTTP ${answer.status}`, {
    temporary: answer.status >= 500 || answer.status === 429 || answer.status === 408,
    retryAfter: secondsToWait(answer.headers.get("retry-after")),
  });
}

/** `Retry-After` is a number of seconds or a date. RFC 9110, 10.2.3. */
function secondsToWait(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

async function readBody(response: Response, maxSizeBytes: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the stream, so an endless body costs no more than its limit.
  for await (const chunk of response.body) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("a response body gave something other than bytes");
    size += chunk.byteLength;
    if (size > maxSizeBytes) {
      throw new FetchError("too-large", `${response.url} is larger than ${maxSizeBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether a content type can hold a page or a feed. A missing one is given the benefit of the doubt. */
function isText(contentType: string): boolean {
  return contentType === "" || /^(text\/|application\/([a-z.+-]*\+)?(xml|xhtml|json))/i.test(contentType.trim());
}

const CONNECTION_PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name could not be looked up",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "timed out",
  UND_ERR_CONNECT_TIMEOUT: "timed out",
};

function connectionError(url: URL, error: unknown): FetchError {
  const code = errorCode(error);
  if (code === "" && innermostMessage(error) === "bad port") {
    // Fetch standard, "port blocking": ports of other protocols are never asked.
    return new FetchError(
      "bad-address",
      `port ${url.port} of ${url.hostname} is not one that web pages are served on`,
      { cause: error },
    );
  }
  const problem = CONNECTION_PROBLEMS[code] ?? (innermostMessage(error) || "connection failed");
  const detail = code === "" ? problem : `${problem}, ${code}`;
  return new FetchError("unreachable", `could not connect to ${url.host} (${detail})`, {
    // A name that does not exist will not exist in a second either.
    temporary: code !== "ENOTFOUND",
    cause: error,
  });
}

/** undici wraps the socket's error in `cause`, and a host with several addresses in an AggregateError. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  return errorCode(error.cause);
}

function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return innermostMessage(error.cause) || error.message;
}
