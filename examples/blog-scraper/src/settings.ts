import { fileURLToPath } from "node:url";

/** What the example reads from its environment, once. The pool's processes inherit it from the worker. */
export interface Settings {
  /** The broker and result back end. `LOVAGE_BROKER_URL`, `LOVAGE_RESULT_BACKEND` */
  readonly brokerUrl: string;
  readonly resultBackend: string;
  /** Where jobs, runs and posts are kept. `BLOG_SCRAPER_STORE` */
  readonly store: string;
  /** How a blog's owner can reach whoever runs this; sent with every request. `BLOG_SCRAPER_CONTACT` */
  readonly contact: string | undefined;
}

/** The folder of the example's files, beside `src` and `dist`. */
const DATA_FOLDER = fileURLToPath(new URL("../.lovage", import.meta.url));

/** Reads the settings. `BLOG_SCRAPER_DATA` moves all files of the example to another folder. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const folder = env.BLOG_SCRAPER_DATA ?? DATA_FOLDER;
  const queue = `sqlite:${folder}/queue.db`;
  return {
    brokerUrl: env.LOVAGE_BROKER_URL ?? queue,
    resultBackend: env.LOVAGE_RESULT_BACKEND ?? queue,
    store: env.BLOG_SCRAPER_STORE ?? `sqlite:${folder}/blog.db`,
    contact: env.BLOG_SCRAPER_CONTACT,
  };
}
