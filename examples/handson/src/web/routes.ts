import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Context, Hono } from "hono";
import type { Control } from "lovage";
import { makeReport } from "../make-report.js";
import type { TaskList } from "../task-list.js";
import type { report } from "../tasks.js";
import { guard } from "./guard.js";
import { LiveFeed } from "./live-feed.js";
import { handsonPage, messagePage } from "./page.js";

export interface RoutesDeps {
  readonly report: Pick<typeof report, "applyAsync">;
  readonly control: Pick<Control, "revoke">;
  readonly list: TaskList;
  /** Seconds that a report takes. */
  readonly reportSeconds: number;
  /** Tasks that run at a time. */
  readonly slots: number;
  /** Told about errors that no route foresees. */
  readonly onError: (error: Error) => void;
}

const ASSETS: Readonly<Record<string, string>> = {
  "style.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "leaf.svg": "image/svg+xml",
};
const CITIES = ["Oslo", "Lima", "Cairo", "Kyoto", "Quito", "Accra", "Turin", "Perth", "Delhi", "Miami"];
/** Tasks that one press of a button may send, and that may wait or run at a time. */
const MOST_AT_ONCE = 20;
const MOST_UNFINISHED = 100;

/** All addresses of the example. */
export function createRoutes(deps: RoutesDeps): Hono {
  const app = new Hono();
  const feed = new LiveFeed(deps.list);
  const sender = new Sender(deps);
  app.use(guard());
  app.get("/", (c) => c.html(handsonPage(deps)));
  app.get("/assets/:name", (c) => serveAsset(c));
  app.post("/api/report", (c) => sender.reportInRequest(c));
  app.post("/api/tasks", (c) => sender.sendTasks(c));
  app.post("/api/stop-all", (c) => stopAll(c, deps));
  app.get("/api/live", (c) => feed.respond(c));
  app.notFound((c) => c.html(messagePage("Not found", "There is no such page."), 404));
  app.onError((error, c) => {
    deps.onError(error);
    return c.json({ error: "The server could not do that. Its log says why." }, 500);
  });
  return app;
}

/** The two ways to get a report: inside the request, and by the queue. */
class Sender {
  readonly #deps: RoutesDeps;
  #next = 0;

  constructor(deps: RoutesDeps) {
    this.#deps = deps;
  }

  /** Step 1: the answer comes when the work is done; when the browser gives up, so does the work. */
  async reportInRequest(c: Context): Promise<Response> {
    const { signal } = c.req.raw;
    const text = await makeReport({ city: this.#city(), fails: false }, { length: this.#deps.reportSeconds, signal });
    return c.json({ text });
  }

  /** Step 2: the answer comes as soon as the broker holds the messages. */
  async sendTasks(c: Context): Promise<Response> {
    const { list, report } = this.#deps;
    const { count, fails } = await readOrder(c);
    if (list.unfinished.length + count > MOST_UNFINISHED) {
      return c.json({ error: `${MOST_UNFINISHED} tasks wait or run: let some end first, or stop them.` }, 429);
    }
    const ids: string[] = [];
    for (let each = 0; each < count; each++) {
      const [id, city] = [randomUUID(), this.#city()];
      // Before it is sent: a worker may be quicker than the rest of this line.
      list.add(id, city);
      try {
        await report.applyAsync({ city, fails }, { taskId: id });
      } catch (error) {
        list.remove(id);
        throw error;
      }
      ids.push(id);
    }
    return c.json({ ids }, 202);
  }

  #city(): string {
    return CITIES[this.#next++ % CITIES.length] ?? "Oslo";
  }
}

/** Step 4: what runs is ended by a signal to its process; what waits is not begun any more. */
async function stopAll(c: Context, { list, control }: RoutesDeps): Promise<Response> {
  const ids = list.unfinished;
  if (ids.length > 0) await control.revoke(ids, { terminate: true });
  return c.json({ ids }, 202);
}

/** How many are wanted, and of which kind. What is no such order counts as one report. */
async function readOrder(c: Context): Promise<{ readonly count: number; readonly fails: boolean }> {
  const body: unknown = await c.req.json().catch(() => ({}));
  const { count = 1, fails = false }: { count?: unknown; fails?: unknown } = Object(body);
  const whole = typeof count === "number" && Number.isInteger(count) ? count : 1;
  return { count: Math.min(MOST_AT_ONCE, Math.max(1, whole)), fails: fails === true };
}

async function serveAsset(c: Context): Promise<Response> {
  const name = c.req.param("name") ?? "";
  const contentType = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (contentType === undefined) return c.html(messagePage("Not found", "There is no such file."), 404);
  // The same folder seen from src/web and from dist/web.
  const body = await readFile(new URL(`../../assets/${name}`, import.meta.url), "utf8");
  return c.body(body, 200, { "content-type": contentType });
}
