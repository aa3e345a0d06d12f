/** How this software names itself in worker events. Source: celery-protocol 8.3. */
export const SOFTWARE = {
  sw_ident: "lovage",
  sw_ver: "0.1.0",
  sw_sys: process.platform === "linux" ? "Linux" : process.platform,
} as const;
