import { Tooltip } from "@mantine/core";
import { cloneElement, type ReactElement } from "react";
import type { Role } from "../../api/common.js";
import { useMay } from "../state/app-context.js";
import { texts } from "../texts.js";

interface Disableable {
  readonly disabled?: boolean;
}

/** A control that needs a role: shown to those without it too, but disabled and with the reason. */
export function NeedsRole({ role, children }: { readonly role: Role; readonly children: ReactElement<Disableable> }) {
  const may = useMay(role);
  return <DisabledWhen reason={may ? null : texts.needsRole(role)}>{children}</DisabledWhen>;
}

/** A control that cannot be used now, with the reason on hover and focus; null or undefined: it can. */
export function DisabledWhen({
  reason,
  children,
}: {
  readonly reason: string | null | undefined;
  readonly children: ReactElement<Disableable>;
}) {
  if (reason === null || reason === undefined) return children;
  return (
    <Tooltip label={reason} events={{ hover: true, focus: true, touch: true }}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a disabled button takes no focus, but its reason must be readable by keyboard */}
      <span className="lv-disabled" tabIndex={0} aria-label={reason} role="note">
        {cloneElement(children, { disabled: true })}
      </span>
    </Tooltip>
  );
}
