import { currentTask, Lovage } from "lovage";
import { z } from "zod";
import { runJob } from "./run-job.js";
import { BlogUnavailableError } from "./scraper/scrape-errors.js";
import { readSettings } from "./settings.js";
import { openRepository } from "./storage/open-repository.js";
import { NoSuchRecordError } from "./storage/repository.js";

const settings = readSettings(process.env);

/** The app that `lovage worker --app` loads, and that the pool's processes load again. */
export const app = new Lovage("blog-scraper", {
  brokerUrl: settings.brokerUrl,
  resultBackend: settings.resultBackend,
});

/** How often a run is tried again when its blog was not to be reached. The fetcher has then tried several times already. */
const MAX_RETRIES = 1;

/**
 * Scrapes the blog of a saved job; the task's id becomes the run's id. Returns the counts. Posts are saved one by one, so a
 * worker that dies loses none of them, and the next one counts anew.
 */
export const scrape = app.task(
  "blog.scrape",
  {
    input: z.object({ jobId: z.number().int().positive() }),
    description: "Scrapes the blog of a saved job and stores its posts",
    maxRetries: MAX_RETRIES,
    autoretryFor: [BlogUnavailableError],
    retryBackoff: 2,
    softTimeLimit: 3540,
    timeLimit: 3600,
  },
  async ({ jobId }) => {
    const task = currentTask();
    const repository = await openRepository(settings.store);
    try {
      const job = await repository.findJob(jobId);
      if (job === undefined) throw new NoSuchRecordError(`there is no job ${jobId}`);
      return await runJob(job, task.id, {
        repository,
        signal: task.signal,
        willRetry: () => task.retries < MAX_RETRIES,
        fetcher: { contact: settings.contact },
        announcer: {
          progress: (done, total, message) => task.progress(done, total, message),
          log: (level, message) => task.log[level === "warning" ? "warn" : level](message, { job: job.name }),
        },
      });
    } finally {
      await repository.close();
    }
  },
);
