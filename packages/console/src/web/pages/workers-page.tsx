import { Page } from "../components/page.js";

/** PLACEHOLDER, to be replaced: keeps the router whole until the page is written. */
export function WorkersPage() {
  return <Page title="Workers">{null}</Page>;
}
