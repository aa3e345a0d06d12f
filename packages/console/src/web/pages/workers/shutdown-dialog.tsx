import { Radio } from "@mantine/core";
import { useState } from "react";
import type { Problem } from "../../../api/common.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { workersText } from "./workers-text.js";

export interface ShutDownDialogProps {
  readonly names: readonly string[];
  /** Chosen at first. */
  readonly cold?: boolean;
  /** Why a cold one cannot be had; null when it can. */
  readonly coldReason?: string | null;
  readonly onClose: () => void;
  readonly onConfirm: (cold: boolean) => void;
  readonly pending: boolean;
  readonly problem: Problem | undefined;
}

/** Asks before workers are ended, and how. */
export function ShutDownDialog({ names, coldReason = null, onConfirm, ...rest }: ShutDownDialogProps) {
  const [cold, setCold] = useState(rest.cold ?? false);
  const what = names.length === 1 ? "1 worker" : `${names.length} workers`;
  return (
    <ConfirmDialog
      opened
      onClose={rest.onClose}
      title={`Shut down ${names.length === 1 ? names[0] : what}`}
      verb={`Shut down ${what}`}
      onConfirm={() => onConfirm(cold)}
      pending={rest.pending}
      problem={rest.problem}
    >
      <p className="lv-wrap-anywhere">{workersText(names)} ends. Nothing here can start it again.</p>
      <Radio.Group label="How" value={cold ? "cold" : "warm"} onChange={(value) => setCold(value === "cold")}>
        <div className="lv-stack lv-radios">
          <Radio value="warm" label="Warm: it finishes what it runs, and gives back the rest" />
          <Radio
            value="cold"
            label="Cold: it ends what it runs at once and gives it back"
            disabled={coldReason !== null}
            {...(coldReason !== null && { description: coldReason })}
          />
        </div>
      </Radio.Group>
    </ConfirmDialog>
  );
}
