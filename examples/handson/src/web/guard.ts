import type { MiddlewareHandler } from "hono";

/** No page needs anything that is not ours: no inline script or style, no outside address, no frame. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Keeps other sites out of a server that has no sign-in: answers only to loopback names (a foreign `Host` is a rebound DNS name) and
 * accepts changes only from its own pages (`Sec-Fetch-Site`, else `Origin`) or from clients that are no browser.
 */
export function guard(): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!LOOPBACK_NAMES.has(host.replace(/:\d+$/, "")))
      return c.text("this server answers on loopback names only\n", 421);
    const isChange = c.req.method !== "GET" && c.req.method !== "HEAD";
    if (isChange && !isFromOwnPage(c.req.header("sec-fetch-site"), c.req.header("origin"), host)) {
      return c.text("requests from other sites are refused\n", 403);
    }
    await next();
    c.header("content-security-policy", CONTENT_SECURITY_POLICY);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "same-origin");
    c.header("cache-control", "no-store");
    return undefined;
  };
}

function isFromOwnPage(fetchSite: string | undefined, origin: string | undefined, host: string): boolean {
  if (fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none") return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
