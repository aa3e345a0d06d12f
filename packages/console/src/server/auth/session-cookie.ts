const COOKIE_NAME = "lovage_session";

/**
 * The cookie's name has the port in it: browsers share cookies between the ports of a host, and two consoles on `localhost` would log
 * each other out.
 */
export function sessionCookieName(headers: Headers): string {
  const port = /:(\d+)$/.exec(headers.get("host") ?? "")?.[1];
  return port === undefined ? COOKIE_NAME : `${COOKIE_NAME}_${port}`;
}

/** The session's secret, as the browser sent it. */
export function readSessionCookie(headers: Headers): string | undefined {
  const name = sessionCookieName(headers);
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** `Set-Cookie` for a session, or for its end where `secret` is undefined. */
export function sessionCookie(headers: Headers, secret: string | undefined, urlPrefix: string): string {
  const attributes = [
    `${sessionCookieName(headers)}=${secret ?? ""}`,
    `Path=${urlPrefix}/`,
    "HttpOnly",
    "SameSite=Lax",
    ...(needsSecure(headers) ? ["Secure"] : []),
    ...(secret === undefined ? ["Max-Age=0"] : []),
  ];
  return attributes.join("; ");
}

/** Everywhere but on loopback, where there is nobody to listen in, and browsers differ in whether they take it. */
function needsSecure(headers: Headers): boolean {
  return headers.get("x-forwarded-proto") === "https" || !isLoopbackHost(headers.get("host") ?? "");
}

/** Whether a `Host` header names this very machine: `localhost`, `127.x.x.x` or `[::1]`, with any port. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || isLoopbackHost(host);
}
