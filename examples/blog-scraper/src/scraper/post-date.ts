/** A day and a time of day as a blog shows them, in the blog's own time zone. */
export interface ShownDate {
  /** `YYYY-MM-DD` */
  readonly date: string | null;
  /** `HH:MM`, 24-hour clock */
  readonly time: string | null;
}

/** The languages whose month names are understood in a date header; the blog's own language is not known for sure. */
const LANGUAGES = [
  "en",
  "de",
  "fr",
  "es",
  "it",
  "pt",
  "nl",
  "pl",
  "cs",
  "sv",
  "da",
  "nb",
  "fi",
  "ro",
  "hu",
  "tr",
  "ru",
  "uk",
];

/**
 * Reads the date and time of a machine-readable stamp such as `2024-03-03T08:15:00-08:00` (Blogger's `abbr title`,
 * Atom's `published`) or `Sun, 03 Mar 2024 08:15:00 +0100` (RSS). Both are kept as written, not moved to another time zone:
 * that is the day and hour the blog shows its readers.
 */
export function parseTimestamp(stamp: string | undefined): ShownDate {
  const text = (stamp ?? "").trim();
  const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?/.exec(text);
  if (iso !== null) {
    const date = calendarDay(Number(iso[1]), Number(iso[2]), Number(iso[3]));
    return { date, time: date === null ? null : clockTime(iso[4], iso[5]) };
  }
  const rfc822 = /^(?:[a-z]{3,},\s*)?\d{1,2}\s+[a-z]{3,}\.?\s+\d{2,4}\b/i.exec(text);
  return rfc822 === null
    ? { date: null, time: null }
    : { date: parseDay(rfc822[0]), time: parseTimeOfDay(text.slice(rfc822[0].length)) };
}

/**
 * Reads a day written for people: `Sunday, March 3, 2024`, `3. März 2024`, `dimanche 3 mars 2024`, `2024-03-03`,
 * `03.03.2024`, `3/25/2024`. With slashes the month comes first, as on Blogger, unless only the other way is a date.
 * Returns `YYYY-MM-DD` or `null`.
 */
export function parseDay(text: string | undefined): string | null {
  const line = (text ?? "").replace(/\s+/g, " ").trim().toLowerCase();
  return parseNumericDay(line) ?? parseNamedDay(line);
}

/** Reads a time of day: `8:15 AM`, `20:15`, `8.15 pm`. Returns `HH:MM` on a 24-hour clock, or `null`. */
export function parseTimeOfDay(text: string | undefined): string | null {
  const match = /\b(\d{1,2})[:.h](\d{2})(?:[:.]\d{2})?\s*([ap])?\.?(m\b)?/i.exec(text ?? "");
  if (match === null) return null;
  const half = match[4] === undefined ? undefined : match[3]?.toLowerCase();
  const hour = Number(match[1]);
  if (half !== undefined && (hour < 1 || hour > 12)) return null;
  const hour24 = half === undefined ? hour : (hour % 12) + (half === "p" ? 12 : 0);
  return clockTime(String(hour24), match[2]);
}

function parseNumericDay(line: string): string | null {
  const yearFirst = /\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b/.exec(line);
  if (yearFirst !== null) return calendarDay(Number(yearFirst[1]), Number(yearFirst[2]), Number(yearFirst[3]));
  const yearLast = /\b(\d{1,2})([-./])(\d{1,2})\2(\d{4})\b/.exec(line);
  if (yearLast === null) return null;
  const [first, second, year] = [Number(yearLast[1]), Number(yearLast[3]), Number(yearLast[4])];
  const monthFirst = calendarDay(year, first, second);
  const dayFirst = calendarDay(year, second, first);
  return yearLast[2] === "/" ? (monthFirst ?? dayFirst) : (dayFirst ?? monthFirst);
}

function parseNamedDay(line: string): string | null {
  const year = /\b(\d{4})\b/.exec(line) ?? /\b(\d{2})$/.exec(line);
  const month = monthNamed(line.split(/[^\p{L}]+/u));
  if (year === null || month === undefined) return null;
  const day = /(?<!\d)(\d{1,2})(?!\d)/.exec(line.replace(year[0], " "));
  return day === null ? null : calendarDay(fullYear(Number(year[1])), month, Number(day[1]));
}

/** RFC 822 wrote years with two digits; RFC 2822, 4.3 says how to read them. */
function fullYear(year: number): number {
  if (year >= 100) return year;
  return year < 50 ? 2000 + year : 1900 + year;
}

/** The last word that names a month, as weekdays come first: "mar. 28 avr." is no day in March. Else one that begins like one ("Sept"). */
function monthNamed(words: readonly string[]): number | undefined {
  const exact = words.findLast((word) => MONTHS.has(word));
  const similar = words.findLast((word) => word.length > 3 && MONTHS.has(word.slice(0, 3)));
  return MONTHS.get(exact ?? similar?.slice(0, 3) ?? "");
}

const MONTHS: ReadonlyMap<string, number> = monthNames();

/** Month names of {@link LANGUAGES}, alone and as they stand in a date (Slavic languages decline them); English wins a clash. */
function monthNames(): Map<string, number> {
  const names = new Map<string, number>();
  for (const language of LANGUAGES) {
    for (let month = 1; month <= 12; month += 1) {
      for (const name of namesOfMonth(language, month))
        if (name.length >= 3 && !names.has(name)) names.set(name, month);
    }
  }
  return names;
}

function namesOfMonth(language: string, month: number): string[] {
  const day = new Date(Date.UTC(2024, month - 1, 15));
  const styles: Intl.DateTimeFormatOptions[] = [
    { month: "long" },
    { month: "short" },
    { month: "long", day: "numeric" },
    { month: "short", day: "numeric" },
  ];
  return styles.flatMap((style) =>
    new Intl.DateTimeFormat(language, { ...style, timeZone: "UTC" })
      .formatToParts(day)
      .filter((part) => part.type === "month")
      .map((part) => part.value.toLowerCase().replace(/[^\p{L}]/gu, "")),
  );
}

function calendarDay(year: number, month: number, day: number): string | null {
  const at = new Date(Date.UTC(year, month - 1, day));
  const real =
    year >= 1900 && at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return real ? at.toISOString().slice(0, 10) : null;
}

function clockTime(hour: string | undefined, minute: string | undefined): string | null {
  if (hour === undefined || minute === undefined || Number(hour) > 23 || Number(minute) > 59) return null;
  return `${hour.padStart(2, "0")}:${minute}`;
}

/** Whether `text` is a real day written `YYYY-MM-DD`. */
export function isIsoDay(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return match !== null && calendarDay(Number(match[1]), Number(match[2]), Number(match[3])) === text;
}
