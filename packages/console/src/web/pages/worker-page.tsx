import { Page } from "../components/page.js";

/** PLACEHOLDER, to be replaced: keeps the router whole until the page is written. */
export function WorkerPage() {
  return <Page title="Worker">{null}</Page>;
}
