import { currentTask, Lovage } from "lovage";
import { z } from "zod";
import { runScrape } from "./scrape-run.js";
import { BlogUnavailableError } from "./scraper/scrape-errors.js";
import { readSettings } from "./settings.js";
import { openRepository } from "./storage/open-repository.js";

const settings = readSettings(process.env);

/** The app that `lovage worker --app` and `lovage console --app` load, and that the pool's processes load again. */
export const app = new Lovage("blog-scraper", {
  brokerUrl: settings.brokerUrl,
  resultBackend: settings.resultBackend,
  consoleStore: settings.consoleStore,
  consoleLinks: [{ label: "Posts", href: settings.pagesUrl }],
});

/** How often a run is tried again when its blog was not to be reached. The fetcher has then tried several times already. */
const MAX_RETRIES = 1;
const MAX_POSTS = 100_000;

/** What is asked for at RUN; the console makes its form of this. */
const scrapeInput = z
  .object({
    blog: z
      .url({ protocol: /^https?$/, hostname: /./ })
      .max(2000)
      .refine((address) => new URL(address).username === "", "Leave the user name and password out of the address.")
      .meta({ title: "Blog", description: "A Blogger blog, or any blog with an Atom or RSS feed" }),
    since: z.iso.date().nullish().meta({ title: "From", description: "First day wanted" }),
    until: z.iso.date().nullish().meta({ title: "Until", description: "Last day wanted" }),
    skip: z.number().int().min(0).max(MAX_POSTS).default(0).meta({
      title: "Skip",
      description: "Pass over so many of the newest posts of those days",
    }),
    number: z.number().int().min(1).max(MAX_POSTS).nullish().meta({
      title: "Number",
      description: "Extract so many posts at most; all when left empty",
    }),
  })
  .refine(({ since, until }) => !since || !until || since <= until, {
    message: "The last day is before the first.",
    path: ["until"],
  });

/**
 * Scrapes a blog; the task's id is the run's. Returns the counts and where the posts can be read. Posts are saved one by one, so a worker
 * that dies loses none of them, and the next one counts anew.
 */
export const scrape = app.task(
  "blog.scrape",
  {
    input: scrapeInput,
    description: "Scrapes a blog and stores its posts",
    maxRetries: MAX_RETRIES,
    autoretryFor: [BlogUnavailableError],
    retryBackoff: 2,
    softTimeLimit: 3540,
    timeLimit: 3600,
  },
  async ({ blog, since, until, skip, number }) => {
    const task = currentTask();
    const repository = await openRepository(settings.store);
    try {
      const request = {
        blogUrl: new URL(blog).href,
        since: since ?? null,
        until: until ?? null,
        skip,
        limit: number ?? null,
      };
      const counts = await runScrape(request, task.id, {
        repository,
        signal: task.signal,
        fetcher: { contact: settings.contact },
        report: {
          progress: (done, total, message, counters) => task.progress(done, total, message, { ...counters }),
          log: (level, message) => task.log[level === "warning" ? "warn" : level](message),
        },
      });
      return { ...counts, links: [{ label: "The posts of this run", href: `${settings.pagesUrl}?run=${task.id}` }] };
    } finally {
      await repository.close();
    }
  },
);

/** The job with the RUN button. One run at a time: a blog is read no faster by reading it twice. */
export const scrapeJob = app.job("scrape-blog", {
  task: scrape,
  title: "Scrape a blog",
  defaults: { blog: settings.blog },
  concurrency: "skip",
});
