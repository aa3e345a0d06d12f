import { createRequire } from "node:module";

/** What a site's robots.txt says to us. RFC 9309. */
export interface RobotsRules {
  allows(url: string): boolean;
  /** Seconds to leave between two requests, if the file asks for it. */
  readonly crawlDelay: number | undefined;
}

interface ParsedRobots {
  isAllowed(url: string, userAgent: string): boolean | undefined;
  getCrawlDelay(userAgent: string): number | undefined;
}

/** What a site without robots.txt says. RFC 9309, 2.3.1.3: "the crawler MAY access any resources". */
export const ALLOW_ALL: RobotsRules = { allows: () => true, crawlDelay: undefined };

/**
 * Reads a robots.txt found at `robotsUrl` for a crawler named `userAgent` (the product token, without a version).
 * Lines it does not understand are ignored, as the RFC asks.
 */
export function parseRobots(robotsUrl: string, text: string, userAgent: string): RobotsRules {
  const robots = robotsParser()(robotsUrl, text);
  const delay = robots.getCrawlDelay(userAgent);
  return {
    allows: (url) => robots.isAllowed(url, userAgent) !== false,
    crawlDelay: delay !== undefined && Number.isFinite(delay) && delay >= 0 ? delay : undefined,
  };
}

/** The package's own types describe a default export that its CommonJS file does not have, so its shape is stated here. */
function robotsParser(): (url: string, text: string) => ParsedRobots {
  const loaded: unknown = createRequire(import.meta.url)("robots-parser");
  if (!isRobotsParser(loaded)) throw new TypeError("the package robots-parser does not export a function");
  return loaded;
}

function isRobotsParser(value: unknown): value is (url: string, text: string) => ParsedRobots {
  return typeof value === "function";
}
