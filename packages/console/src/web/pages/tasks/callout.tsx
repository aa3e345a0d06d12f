import type { ReactNode } from "react";
import { Icon } from "../../components/icon.js";

export interface CalloutProps {
  readonly title: string;
  readonly children: ReactNode;
  /** It came after something a person did: read out at once. */
  readonly alert?: boolean;
}

/** Something to know before going on. */
export function Callout({ title, children, alert = false }: CalloutProps) {
  return (
    <div className="lv-callout" role={alert ? "alert" : undefined}>
      <Icon name="warning" size={18} />
      <div>
        <strong>{title}</strong>
        <div>{children}</div>
      </div>
    </div>
  );
}
