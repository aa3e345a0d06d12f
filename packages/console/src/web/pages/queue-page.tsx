import { Page } from "../components/page.js";

/** PLACEHOLDER, to be replaced: keeps the router whole until the page is written. */
export function QueuePage() {
  return <Page title="Queue">{null}</Page>;
}
