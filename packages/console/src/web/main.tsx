import { MantineProvider } from "@mantine/core";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import "@mantine/core/styles.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/table.css";
import "./styles/pages.css";
import { topicsText } from "../api/live-topics.js";
import { ApiProblem, apiUrl } from "./api/client.js";
import { LiveClient } from "./api/live.js";
import { withPrefix } from "./components/app-link.js";
import { type AppRouter, makeRouter } from "./router.js";
import { type AppParts, AppProvider, useColorScheme } from "./state/app-context.js";
import { NoticeBoard } from "./state/notice-board.js";
import { PreferenceStore } from "./state/preferences.js";
import { ShortcutRegistry } from "./state/shortcut-registry.js";
import { Ticker } from "./state/ticker.js";
import { stringifySearch } from "./state/url-state.js";
import { cssVariablesResolver, theme } from "./theme.js";

function start(element: HTMLElement): void {
  // Where the library that keeps the page still behind a dialog looks for it.
  Object.assign(globalThis, { __webpack_nonce__: styleNonce() });
  const router = makeRouter();
  const client = makeQueryClient(() => goToLogin(router));
  const preferences = new PreferenceStore();
  const parts: AppParts = {
    preferences,
    ticker: new Ticker(),
    notices: new NoticeBoard(),
    shortcuts: new ShortcutRegistry(() => preferences.get().shortcuts),
    live: new LiveClient({
      url: (topics) => apiUrl("events", { topics: topicsText(topics) }),
      name: `lovage-live ${new URL(document.baseURI).pathname}`,
      onRefresh: () => void client.invalidateQueries({ type: "active" }),
      onUnauthorized: () => goToLogin(router),
    }),
  };
  createRoot(element).render(
    <StrictMode>
      <AppProvider parts={parts}>
        <QueryClientProvider client={client}>
          <App router={router} parts={parts} />
        </QueryClientProvider>
      </AppProvider>
    </StrictMode>,
  );
}

function App({ router, parts }: { readonly router: AppRouter; readonly parts: AppParts }) {
  const scheme = useColorScheme();
  useEffect(() => {
    const stops = [parts.preferences.start(), parts.shortcuts.start()];
    return () => {
      for (const stop of stops) stop();
    };
  }, [parts]);
  useEffect(() => parts.live.start(), [parts]);
  return (
    <MantineProvider
      theme={theme}
      forceColorScheme={scheme}
      cssVariablesResolver={cssVariablesResolver}
      getStyleNonce={styleNonce}
    >
      <RouterProvider router={router} />
    </MantineProvider>
  );
}

/** The number that the policy wants on styles made by the page; the server writes a new one into each document. */
function styleNonce(): string {
  return document.querySelector("meta[name='style-nonce']")?.getAttribute("content") ?? "";
}

/** Refusals are not repeated; a server that was not reached is asked once more. */
function makeQueryClient(onUnauthorized: () => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (error instanceof ApiProblem && error.status === 401) onUnauthorized();
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retryDelay: 500,
        retry: (failures, error) => failures < 1 && error instanceof ApiProblem && error.status === 0,
      },
    },
  });
}

function goToLogin(router: AppRouter): void {
  const { pathname, href } = router.state.location;
  if (pathname === "/login") return;
  router.history.replace(withPrefix(`/login${stringifySearch({ next: href === "/" ? undefined : href })}`));
}

const element = document.getElementById("root");
if (element) start(element);
