import { setImmediate } from "node:timers/promises";
import { z } from "@hono/zod-openapi";
import { DEAD_LETTER_QUEUE, DeadLetters } from "lovage/internal";
import type { ActionOutcome } from "../../api/common.js";
import {
  DeadLetterFilter,
  type DeadLetterItem,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterReply,
  DeleteDeadLetters,
  ReplayDeadLetters,
} from "../../api/queues.js";
import type { ConsoleParts } from "../parts.js";
import { askBrokerFor, brokerProblem, errorText } from "../queues/broker-access.js";
import { matchesLetter, type ScannedLetter } from "../queues/dead-letter-book.js";
import { deadLetterView } from "../queues/dead-letter-view.js";
import { SINGLE_BYTES, taskNames } from "../queues/message-view.js";
import { ApiError, type Route, route, StreamReply, type User } from "../route.js";

/** Seconds that replaying or deleting may take. */
const LONG_SECONDS = 25;
/** Letters that are worked on at once. */
const AT_ONCE = 100;
/** Values of a facet that are listed. */
const FACET_VALUES = 200;

const listDeadLetters = route(
  {
    method: "get",
    path: "/dead-letters",
    tag: "dead letters",
    summary: "Messages that could not be run, with where and why they died",
    role: "viewer",
    query: DeadLetterQuery,
    response: DeadLetterPage,
  },
  async ({ parts, query, user }) => {
    const { letters, total } = await scan(parts);
    const matching = sorted(
      letters.filter((letter) => matchesLetter(letter, query)),
      query.sort,
    );
    const start = startOf(matching, query.cursor);
    const page = matching.slice(start, start + query.limit);
    const last = page.at(-1);
    const isWhole = letters.length >= total;
    return {
      items: page.map((letter, at) => viewOf(parts, user, letter, { position: start + at + 1 })),
      nextCursor: last && start + query.limit < matching.length ? cursorOf(start + query.limit, last.key) : null,
      total: { count: isWhole || isFiltered(query) ? matching.length : total, exact: isWhole },
      facets: facetsOf(letters),
    };
  },
);

async function scan(
  parts: ConsoleParts,
): Promise<{ readonly letters: readonly ScannedLetter[]; readonly total: number }> {
  try {
    return await parts.queues.deadLetters.scan();
  } catch (error) {
    throw brokerProblem(error);
  }
}

function viewOf(
  { app }: ConsoleParts,
  { seesPayloads }: User,
  letter: ScannedLetter,
  options: { readonly position: number; readonly decodedBytes?: number },
): DeadLetterItem {
  return deadLetterView(letter, { ...options, seesPayloads, redact: app.redact });
}

function isFiltered({ q, task, queue, reason, worker }: DeadLetterFilter): boolean {
  return [q, task, queue, reason, worker].some((each) => each !== undefined && each !== "");
}

type Sort = (letter: ScannedLetter) => string | number;
const SORTS: ReadonlyMap<string, Sort> = new Map<string, Sort>([
  ["died", ({ death }) => death.died],
  ["task", ({ names }) => names.task ?? ""],
  ["queue", ({ death }) => death.queue],
  ["reason", ({ death }) => death.reason],
  ["worker", ({ death }) => death.worker],
  ["deliveries", ({ death }) => death.deliveries],
  ["replayed", ({ death }) => death.replayed],
  ["size", ({ message }) => message.body.byteLength],
]);

/** The newest first, unless something else is asked for. */
function sorted(letters: readonly ScannedLetter[], asked = "-died"): readonly ScannedLetter[] {
  const descending = asked.startsWith("-");
  const by = SORTS.get(descending ? asked.slice(1) : asked);
  if (!by) {
    const message = `expected one of ${[...SORTS.keys()].join(", ")}, with - before it to turn it round`;
    throw new ApiError(400, "validation", `sort: ${message}`, { errors: [{ path: "sort", message }] });
  }
  const compare = (a: ScannedLetter, b: ScannedLetter): number => {
    const [x, y] = [by(a), by(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
  // Stable: equal ones stay in the order of the queue.
  return [...letters].sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
}

/** A page begins after the last one of the page before; when that has gone meanwhile, where it was. */
function cursorOf(place: number, key: string): string {
  return Buffer.from(JSON.stringify([place, key])).toString("base64url");
}
function startOf(letters: readonly ScannedLetter[], cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const parsed = readCursor(cursor);
  if (!parsed)
    throw new ApiError(400, "validation", "cursor: not one that was given out here", {
      errors: [{ path: "cursor", message: "unknown" }],
    });
  const found = letters.findIndex(({ key }) => key === parsed[1]);
  return found < 0 ? parsed[0] : found + 1;
}
const Cursor = z.tuple([z.number().int().min(0), z.string()]);
function readCursor(text: string): readonly [number, string] | undefined {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    return undefined;
  }
}

function facetsOf(letters: readonly ScannedLetter[]): DeadLetterPage["facets"] {
  const values = (of: (letter: ScannedLetter) => string | null): string[] =>
    [...new Set(letters.flatMap((letter) => of(letter) || []))].sort().slice(0, FACET_VALUES);
  return {
    tasks: values(({ names }) => names.task),
    queues: values(({ death }) => death.queue),
    reasons: values(({ death }) => death.reason),
    workers: values(({ death }) => death.worker),
  };
}

const replayDeadLetters = route(
  {
    method: "post",
    path: "/dead-letters/replay",
    tag: "dead letters",
    summary: "Sends them again, to where they came from or elsewhere: by keys, or all that match",
    role: "operator",
    body: ReplayDeadLetters,
    response: DeadLetterReply,
    audit: { action: "replay dead letters", target: ({ body }) => targetOf(body) },
  },
  async ({ parts, body }) => {
    const chosen = await chosenBy(parts, body);
    const to = body.to === undefined ? {} : { queue: body.to };
    return await inBatches(parts, chosen, "replaying dead letters", async (book, batch) => {
      const done = await book.replayEach(batch, to);
      return done.map(({ message, queue, error }) => ({
        target: taskNames(message).id ?? "a message without an id",
        outcome: error === undefined ? "done" : "refused",
        detail: error === undefined ? `sent to ${queue ?? ""}` : errorText(error),
      }));
    });
  },
);

const deleteDeadLetters = route(
  {
    method: "post",
    path: "/dead-letters/delete",
    tag: "dead letters",
    summary: "Deletes them for good: by keys, or all that match",
    role: "admin",
    body: DeleteDeadLetters,
    response: DeadLetterReply,
    audit: { action: "delete dead letters", target: ({ body }) => targetOf(body) },
  },
  async ({ parts, body }) => {
    const chosen = await chosenBy(parts, body);
    return await inBatches(parts, chosen, "deleting dead letters", async (book, batch) => {
      const count = await book.remove(batch);
      return Array.from({ length: count }, () => ({
        target: DEAD_LETTER_QUEUE.name,
        outcome: "done",
        detail: "deleted",
      }));
    });
  },
);

function targetOf(body: unknown): string {
  const parsed = DeleteDeadLetters.safeParse(body);
  if (!parsed.success) return "";
  return parsed.data.keys ? `${parsed.data.keys.length} by key` : "all that match";
}

/** Letters to act on. `unseen`: more than can be looked through at once, of which any may match. */
interface Chosen {
  readonly keys: readonly string[];
  readonly unseen: number;
}

/** Those named, or all that match now. */
async function chosenBy(parts: ConsoleParts, { keys, filter }: z.output<typeof DeleteDeadLetters>): Promise<Chosen> {
  if ((keys === undefined) === (filter === undefined)) {
    throw new ApiError(400, "validation", "say which: keys or filter, and one of them", {
      errors: [{ path: "", message: "expected keys or filter" }],
    });
  }
  if (keys) return { keys: [...new Set(keys)], unseen: 0 };
  const { letters, total } = await scan(parts);
  const matching = letters.filter((letter) => matchesLetter(letter, filter ?? {}));
  return { keys: matching.map(({ key }) => key), unseen: Math.max(0, total - letters.length) };
}

/** Goes on after one that is refused; what has gone meanwhile is told as skipped. */
async function inBatches(
  parts: ConsoleParts,
  { keys, unseen }: Chosen,
  what: string,
  act: (book: DeadLetters, batch: readonly string[]) => Promise<readonly ActionOutcome[]>,
): Promise<DeadLetterReply> {
  const outcomes: ActionOutcome[] = [];
  let over = false;
  try {
    await askBrokerFor(
      parts.app,
      what,
      async (broker) => {
        // Where taking disturbs the queue, all of it is taken each time: once, then.
        const size = broker.capabilities.peek === "clean" ? AT_ONCE : Math.max(1, keys.length);
        const book = new DeadLetters(broker);
        for (let at = 0; at < keys.length && !over; at += size)
          outcomes.push(...(await act(book, keys.slice(at, at + size))));
      },
      LONG_SECONDS,
    );
  } catch (error) {
    // What was done is done, and must be told.
    if (outcomes.length === 0) throw error;
    outcomes.push({ target: `${keys.length - outcomes.length} more`, outcome: "no-answer", detail: errorText(error) });
  } finally {
    // Nobody hears of what is done after the answer: it is left undone.
    over = true;
    parts.queues.deadLetters.forget();
    void parts.queues.refresh();
  }
  const gone = keys.length - outcomes.length;
  if (gone > 0)
    outcomes.push({ target: `${gone} more`, outcome: "skipped", detail: "they are gone, or somebody holds them" });
  if (unseen > 0) {
    const detail = "too many to look through at once: those that match are still there; do it again";
    outcomes.push({ target: `${unseen} more`, outcome: "skipped", detail });
  }
  return { outcomes, count: outcomes.filter(({ outcome }) => outcome === "done").length };
}

const downloadDeadLetters = route(
  {
    method: "get",
    path: "/dead-letters/download",
    tag: "dead letters",
    summary: "All that match, as JSON lines; bodies for those who may see them",
    role: "viewer",
    query: DeadLetterFilter,
    response: z.string(),
  },
  async ({ parts, query, user }) => {
    const { letters } = await scan(parts);
    const matching = letters.filter((letter) => matchesLetter(letter, query));
    const options = { contentType: "application/x-ndjson", fileName: "dead-letters.jsonl" };
    return new StreamReply(lines(parts, user, matching), options);
  },
);

async function* lines(parts: ConsoleParts, user: User, letters: readonly ScannedLetter[]): AsyncIterable<string> {
  for (const [at, letter] of letters.entries()) {
    yield `${JSON.stringify(viewOf(parts, user, letter, { position: at + 1, decodedBytes: SINGLE_BYTES }))}\n`;
    // Others have their turn: each may take its time.
    await setImmediate();
  }
}

/** Messages that were put aside because they cannot be run. */
export const deadLettersRoutes: readonly Route[] = [
  listDeadLetters,
  downloadDeadLetters,
  replayDeadLetters,
  deleteDeadLetters,
];
