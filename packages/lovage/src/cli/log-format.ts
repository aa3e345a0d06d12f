export const LOG_FORMATS = ["auto", "text", "json"] as const;
/** How a service writes its log: lines for people, JSON for programs, or by where it goes. */
export type LogFormat = (typeof LOG_FORMATS)[number];
