import { nameInPath } from "../api/path-names.js";
import { stringifySearch } from "./state/search-text.js";

type Search = Readonly<Record<string, string | number | undefined>>;

/** Paths of the console's pages, without the server's prefix: for `AppLink` and `useOpenPath`. Names are encoded here. */
export const paths = {
  overview: () => "/",
  workers: (search: Search = {}) => `/workers${stringifySearch(search)}`,
  worker: (name: string, search: Search = {}) => `/workers/${nameInPath(name)}${stringifySearch(search)}`,
  tasks: (search: Search = {}) => `/tasks${stringifySearch(search)}`,
  task: (id: string, search: Search = {}) => `/tasks/${nameInPath(id)}${stringifySearch(search)}`,
  errors: (search: Search = {}) => `/tasks/errors${stringifySearch(search)}`,
  taskTypes: (search: Search = {}) => `/task-types${stringifySearch(search)}`,
  taskType: (name: string, search: Search = {}) => `/task-types/${nameInPath(name)}${stringifySearch(search)}`,
  /** The form that sends a task: `name` fills it in, `from` takes the arguments of a task that was. */
  send: (search: Search = {}) => `/tasks/send${stringifySearch(search)}`,
  queues: (search: Search = {}) => `/queues${stringifySearch(search)}`,
  queue: (name: string, search: Search = {}) => `/queues/${nameInPath(name)}${stringifySearch(search)}`,
  deadLetters: (search: Search = {}) => `/dead-letters${stringifySearch(search)}`,
  jobs: (search: Search = {}) => `/jobs${stringifySearch(search)}`,
  newJob: () => "/jobs/new",
  job: (slug: string, search: Search = {}) => `/jobs/${nameInPath(slug)}${stringifySearch(search)}`,
  editJob: (slug: string) => `/jobs/${nameInPath(slug)}/edit`,
  run: (slug: string, run: string, search: Search = {}) =>
    `/jobs/${nameInPath(slug)}/runs/${nameInPath(run)}${stringifySearch(search)}`,
  operations: (search: Search = {}) => `/operations${stringifySearch(search)}`,
  operation: (id: string) => `/operations/${nameInPath(id)}`,
  settings: () => "/settings",
  system: () => "/settings/system",
  users: () => "/settings/users",
  tokens: () => "/settings/tokens",
  audit: (search: Search = {}) => `/settings/audit${stringifySearch(search)}`,
  login: (search: Search = {}) => `/login${stringifySearch(search)}`,
} as const;
