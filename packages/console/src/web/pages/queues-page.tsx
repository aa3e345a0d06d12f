import { Page } from "../components/page.js";

/** PLACEHOLDER, to be replaced: keeps the router whole until the page is written. */
export function QueuesPage() {
  return <Page title="Queues">{null}</Page>;
}
