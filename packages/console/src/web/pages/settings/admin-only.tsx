import type { ReactNode } from "react";
import { Empty } from "../../components/page-states.js";
import { useMay } from "../../state/app-context.js";
import { texts } from "../../texts.js";

/** A page that only admins can read: others are told so, and nothing is asked of the server. */
export function AdminOnly({ children }: { readonly children: () => ReactNode }) {
  if (useMay("admin")) return <>{children()}</>;
  return (
    <section className="lv-panel">
      <Empty icon="shield" title={texts.needsRole("admin")}>
        Your role does not reach this page.
      </Empty>
    </section>
  );
}
