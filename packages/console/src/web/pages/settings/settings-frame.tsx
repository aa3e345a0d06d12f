import { useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { AppLink } from "../../components/app-link.js";
import { Page } from "../../components/page.js";
import { paths } from "../../paths.js";
import { useMay } from "../../state/app-context.js";
import { texts } from "../../texts.js";

export interface SettingsFrameProps {
  readonly title: string;
  readonly lead?: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The pages of Settings, with the way between them. */
export function SettingsFrame({ title, lead, actions, children }: SettingsFrameProps) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isAdmin = useMay("admin");
  const pages = [
    { to: paths.settings(), label: texts.settingsNav.you },
    { to: paths.system(), label: texts.settingsNav.system },
    ...(isAdmin
      ? [
          { to: paths.users(), label: texts.settingsNav.users },
          { to: paths.tokens(), label: texts.settingsNav.tokens },
        ]
      : []),
    { to: paths.audit(), label: texts.settingsNav.audit },
  ];
  return (
    <Page
      title={title}
      eyebrow={title === texts.nav.settings ? undefined : texts.nav.settings}
      lead={lead}
      actions={actions}
    >
      <nav className="lv-subnav" aria-label={texts.nav.settings}>
        {pages.map((page) => (
          <AppLink key={page.to} to={page.to} aria-current={path === page.to ? "page" : undefined}>
            {page.label}
          </AppLink>
        ))}
      </nav>
      {children}
    </Page>
  );
}
