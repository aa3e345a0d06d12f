import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { ConsoleOptions } from "../../../packages/console/src/server/console-options.js";
import { launch, openContext, openPage } from "./chromium.js";
import { type Place, Stage, until } from "./stage.js";

export interface VisitorOptions {
  readonly chromium: string;
  readonly openPlace: () => Promise<Place>;
  readonly console?: Partial<ConsoleOptions> | (() => Promise<Partial<ConsoleOptions>>);
  /** Starts a Celery worker beside ours, with these settings of Celery: for places that have Python. */
  readonly celery?: Readonly<Record<string, unknown>>;
  /** After the stage is up and its workers are seen: what the pages are to show. */
  readonly furnish?: (stage: Stage) => Promise<void>;
}

export const WORKER = "shop@one";
export const CELERY_WORKER = "celery@py";

/** Somebody who looks at a console: one stage and one browser for a suite, a new profile for each test. */
export class Visitor {
  #browser: Browser | undefined;
  #stage: Stage | undefined;
  #context: BrowserContext | undefined;
  readonly #opened: (readonly string[])[] = [];

  /** Registers the hooks of the suite it is called in. After each test nothing may have gone wrong in any page. */
  static forSuite(options: VisitorOptions): Visitor {
    const visitor = new Visitor();
    beforeAll(async () => await visitor.#arrive(options), 180_000);
    afterEach(async () => await visitor.#leave());
    afterAll(async () => {
      await visitor.#browser?.close();
      await visitor.#stage?.close();
    });
    return visitor;
  }

  get stage(): Stage {
    return there(this.#stage);
  }

  /** Opens a path of the console, as in `tasks?state=FAILURE`, in this test's profile. */
  async open(path: string): Promise<Page> {
    this.#context ??= await openContext(there(this.#browser));
    const { page, complaints } = await openPage(this.#context, new URL(path, this.stage.url).href);
    this.#opened.push(complaints);
    return page;
  }

  async #arrive({ chromium, openPlace, console, celery, furnish }: VisitorOptions): Promise<void> {
    this.#browser = await launch(chromium);
    const stage = await Stage.open(await openPlace(), typeof console === "function" ? await console() : console);
    this.#stage = stage;
    await Promise.all([
      stage.startWorker(WORKER),
      celery === undefined ? undefined : stage.startPythonWorker(CELERY_WORKER, { settings: celery }),
    ]);
    const expected = celery === undefined ? [WORKER] : [WORKER, CELERY_WORKER];
    const { ingest, fleet } = stage.console.parts;
    await until(
      () => ingest.status.leader && expected.every((name) => fleet.get(name)?.status === "online"),
      `the console sees ${expected.join(" and ")}`,
    );
    await furnish?.(stage);
  }

  async #leave(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
    expect(this.#opened.splice(0).flat()).toEqual([]);
  }
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("the suite has not begun");
  return part;
}

/** Waits until the state beside a page's title is this. */
export async function titled(page: Page, state: string): Promise<void> {
  const line = page
    .getByRole("main")
    .locator("header")
    .filter({ has: page.getByRole("heading", { level: 1 }) });
  // A sign stands before the word.
  await line.getByText(new RegExp(`^\\W?${state}$`)).waitFor();
}

/** What stands beside a name among the facts of a panel. */
export function fact(page: Page, panel: string, name: string): Locator {
  return page
    .getByRole("region", { name: panel, exact: true })
    .locator("div")
    .filter({ has: page.getByRole("term").getByText(name, { exact: true }) })
    .last();
}

/** Resolves when the console's records say that each of these tasks is in the state. */
export async function reach(stage: Stage, ids: readonly string[], state: string): Promise<void> {
  const { tasks } = stage.console.parts;
  await until(async () => {
    const records = await Promise.all(ids.map((id) => tasks.get(id)));
    return records.every((record) => record?.state === state);
  }, `${ids.length} tasks are ${state}`);
}
