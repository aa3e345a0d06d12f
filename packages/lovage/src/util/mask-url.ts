/** The URL with its password as `********`, fit for logs and screens. What is no URL comes back as it is. */
export function maskUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@]*?:)[^?#]*@/i, "$1********@");
}
