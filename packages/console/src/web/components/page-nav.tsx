import { useRouterState } from "@tanstack/react-router";
import type { Overview } from "../../api/operations.js";
import { useMe } from "../state/app-context.js";
import { texts } from "../texts.js";
import { AppLink, withPrefix } from "./app-link.js";
import { Icon, type IconName } from "./icon.js";
import { short } from "./table-texts.js";

interface NavEntry {
  readonly to: string;
  readonly label: string;
  readonly icon: IconName;
  /** Belongs to the entry above it. */
  readonly under?: boolean;
  readonly count?: (overview: Overview) => number | null;
  /** What the figure counts, for those who only hear it. */
  readonly counted?: string;
}

const ENTRIES: readonly NavEntry[] = [
  {
    to: "/",
    label: texts.nav.overview,
    icon: "overview",
    count: ({ attention }) => attention.length,
    counted: "need attention",
  },
  { to: "/workers", label: texts.nav.workers, icon: "workers" },
  { to: "/tasks", label: texts.nav.tasks, icon: "tasks" },
  {
    to: "/tasks/errors",
    label: texts.nav.errors,
    icon: "errors",
    under: true,
    count: ({ tiles }) => tiles.failures,
    counted: "failed in the last hour",
  },
  { to: "/task-types", label: texts.nav.taskTypes, icon: "task-types", under: true },
  { to: "/queues", label: texts.nav.queues, icon: "queues" },
  {
    to: "/dead-letters",
    label: texts.nav.deadLetters,
    icon: "dead-letters",
    under: true,
    count: ({ tiles }) => tiles.deadLetters,
    counted: "dead letters",
  },
  { to: "/jobs", label: texts.nav.jobs, icon: "jobs" },
  { to: "/operations", label: texts.nav.operations, icon: "operations" },
  { to: "/settings", label: texts.nav.settings, icon: "settings" },
];

/** The pages, with what counts, and below a line the app's own. */
export function PageNav({
  overview,
  onFollow,
}: {
  readonly overview: Overview | undefined;
  readonly onFollow: () => void;
}) {
  const { links } = useMe();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const here = entryFor(path);
  return (
    <nav className="lv-nav" aria-label={texts.nav.label}>
      <ul>
        {ENTRIES.map((entry) => (
          <li key={entry.to}>
            <AppLink
              to={entry.to}
              className={entry.under ? "lv-nav-link lv-nav-under" : "lv-nav-link"}
              aria-current={entry === here ? "page" : undefined}
              title={entry.label}
              onClick={onFollow}
            >
              <Icon name={entry.icon} size={18} />
              <span className="lv-nav-word">{entry.label}</span>
              <NavCount entry={entry} overview={overview} />
            </AppLink>
          </li>
        ))}
      </ul>
      {links.length > 0 && (
        <ul className="lv-nav-links" aria-label={texts.nav.links}>
          {links.map((link) => (
            <li key={link.href}>
              <a className="lv-nav-link" href={safeHref(link.href)} title={link.label} rel="noreferrer">
                <Icon name="link" size={18} />
                <span className="lv-nav-word">{link.label}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}

function NavCount({ entry, overview }: { readonly entry: NavEntry; readonly overview: Overview | undefined }) {
  const count = overview && entry.count?.(overview);
  if (!count) return null;
  return (
    <span className="lv-nav-count" title={`${count} ${entry.counted}`}>
      <span aria-hidden="true">{short(count)}</span>
      <span className="lv-sr-only">
        , {count} {entry.counted}
      </span>
    </span>
  );
}

/** The longest path that the address begins with. */
function entryFor(path: string): NavEntry | undefined {
  const [best] = ENTRIES.filter(({ to }) => path === to || (to !== "/" && path.startsWith(`${to}/`))).sort(
    (a, b) => b.to.length - a.to.length,
  );
  return best;
}

/** Paths of the app and web addresses; nothing that could run. */
export function safeHref(href: string): string {
  return /^(https?:)?\/\//.test(href)
    ? href
    : href.startsWith("/")
      ? href
      : withPrefix(`/${href.replace(/^[a-z]+:/i, "")}`);
}
