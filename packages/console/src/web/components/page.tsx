import { type ReactNode, useEffect } from "react";
import { texts } from "../texts.js";
import { nameText } from "./name-text.js";

export interface PageProps {
  /** The one `h1`, and the title of the browser's tab. */
  readonly title: string;
  /** What stands before the title: a badge, a link to the list it belongs to. */
  readonly eyebrow?: ReactNode;
  /** Beside the title: a state, a copy button. */
  readonly beside?: ReactNode;
  /** One line below the title. */
  readonly lead?: ReactNode;
  /** Buttons, at the right. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of every page: title, actions, content. */
export function Page({ title, eyebrow, beside, lead, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · ${texts.brand}`;
  }, [title]);
  return (
    <div className="lv-page">
      <header className="lv-page-header">
        <div className="lv-page-heading">
          {eyebrow !== undefined && <div className="lv-eyebrow">{eyebrow}</div>}
          <div className="lv-title-line">
            <h1>{nameText(title)}</h1>
            {beside}
          </div>
          {lead !== undefined && <p className="lv-lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="lv-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export interface PanelProps {
  readonly title?: string;
  /** Beside the title: switches, links. */
  readonly tools?: ReactNode;
  /** False for tables, which reach to the edge. */
  readonly padded?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A titled surface on a page. */
export function Panel({ title, tools, padded = true, className = "", children }: PanelProps) {
  return (
    <section className={`lv-panel ${className}`} aria-label={title}>
      {(title !== undefined || tools !== undefined) && (
        <div className="lv-panel-header">
          {title !== undefined && <h2>{title}</h2>}
          {tools !== undefined && <div className="lv-panel-tools">{tools}</div>}
        </div>
      )}
      <div className={padded ? "lv-panel-body" : "lv-panel-bare"}>{children}</div>
    </section>
  );
}

/** Names and values, as two columns that fold on narrow screens. Undefined values are left out. */
export function Facts({ facts }: { readonly facts: readonly { readonly name: string; readonly value: ReactNode }[] }) {
  return (
    <dl className="lv-facts">
      {facts
        .filter((fact) => fact.value !== undefined)
        .map((fact) => (
          <div key={fact.name}>
            <dt>{fact.name}</dt>
            <dd>{fact.value ?? <span className="lv-none">–</span>}</dd>
          </div>
        ))}
    </dl>
  );
}
