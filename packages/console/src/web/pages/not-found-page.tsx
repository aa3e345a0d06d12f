import { useRouterState } from "@tanstack/react-router";
import { AppLink } from "../components/app-link.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { paths } from "../paths.js";

/** For paths that lead nowhere. */
export function NotFoundPage() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <Page title="No such page">
      <section className="lv-panel">
        <Empty
          icon="search"
          title="There is nothing at this address"
          action={<AppLink to={paths.overview()}>To the overview</AppLink>}
        >
          <span className="lv-mono lv-wrap-anywhere">{path}</span>
        </Empty>
      </section>
    </Page>
  );
}
