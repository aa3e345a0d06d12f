import { setTimeout as sleep } from "node:timers/promises";

/**
 * What the console's pages listen to, and what they ask for again and again while they are open, in seconds: as their sources say. Fifty real
 * tabs would take this machine from what is measured.
 *
 * @typedef {{ topics: string, asks: readonly { path: string, every: number }[] }} Page
 * @type {readonly Page[]}
 */
const PAGES = [
  {
    topics: "stats",
    asks: [
      { path: "overview", every: 15 },
      ...["throughput", "failures", "wait", "runtime", "slots", "depth"].map((metric) => ({
        path: `series?metric=${metric}&range=1h`,
        every: 10,
      })),
    ],
  },
  { topics: "stats,tasks", asks: [{ path: "tasks?sort=-received&limit=50", every: 1 }] },
  { topics: "stats,workers", asks: [{ path: "workers?offline=true", every: 15 }] },
  { topics: "stats,workers", asks: [{ path: "workers/{worker}", every: 5 }] },
  { topics: "stats,queues", asks: [{ path: "queues", every: 15 }] },
  {
    topics: "stats,queues",
    asks: [
      { path: "queues/celery", every: 15 },
      { path: "series?metric=depth&range=1h", every: 10 },
    ],
  },
  { topics: "stats", asks: [{ path: "dead-letters", every: 10 }] },
  { topics: "stats", asks: [{ path: "task-types", every: 15 }] },
  { topics: "stats,tasks", asks: [{ path: "jobs", every: 15 }] },
  { topics: "stats", asks: [{ path: "system", every: 5 }] },
];

/**
 * Opens pages of all kinds, each with a live stream of its own, as as many browsers would.
 * @param {string} url the console's
 * @param {number} count
 */
export function openPages(url, count) {
  const closing = new AbortController();
  const { signal } = closing;
  let refused = 0;
  const onRefusal = () => {
    refused += 1;
  };
  const pages = Array.from({ length: count }, (_, number) =>
    openPage(url, PAGES[number % PAGES.length], signal, onRefusal),
  );
  return {
    /** Questions that were not answered, and streams that broke. */
    get refused() {
      return refused;
    },
    close: async () => {
      closing.abort();
      await Promise.all(pages);
    },
  };
}

/** @param {string} url @param {Page | undefined} page @param {AbortSignal} signal @param {() => void} onRefusal */
async function openPage(url, page, signal, onRefusal) {
  if (!page) return;
  const worker = await workerOf(url);
  const addresses = page.asks.map(({ path, every }) => ({
    address: new URL(`api/v1/${path.replace("{worker}", encodeURIComponent(worker))}`, url).href,
    every,
  }));
  await Promise.all([
    listen(new URL(`api/v1/events?topics=${page.topics}`, url).href, signal, onRefusal),
    ...addresses.map(({ address, every }) => askOnAndOn(address, every, signal, onRefusal)),
  ]);
}

/** @param {string} url */
async function workerOf(url) {
  const response = await fetch(new URL("api/v1/workers", url));
  const { items } = /** @type {{ items: { name: string }[] }} */ (await response.json());
  return items[0]?.name ?? "none";
}

/** @param {string} address @param {AbortSignal} signal @param {() => void} onRefusal */
async function listen(address, signal, onRefusal) {
  try {
    const { body } = await fetch(address, { signal });
    // Read and let go, as it comes.
    for await (const chunk of body ?? []) void chunk;
  } catch {
    if (!signal.aborted) onRefusal();
  }
}

/**
 * At any moment of its interval first: as many browsers do not ask in step.
 * @param {string} address
 * @param {number} every
 * @param {AbortSignal} signal
 * @param {() => void} onRefusal
 */
async function askOnAndOn(address, every, signal, onRefusal) {
  await sleep(Math.random() * every * 1000, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    try {
      const response = await fetch(address, { signal });
      await response.arrayBuffer();
      if (response.status >= 500) onRefusal();
    } catch {
      if (!signal.aborted) onRefusal();
    }
    await sleep(every * 1000, undefined, { signal }).catch(() => undefined);
  }
}
