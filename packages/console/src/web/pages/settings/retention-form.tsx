import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import type { SystemInfo } from "../../../api/operations.js";
import { api } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { NeedsRole } from "../../components/needs-role.js";
import { useMay, useNotify } from "../../state/app-context.js";

type Retention = SystemInfo["retention"];
const FIELDS: readonly { readonly key: keyof Retention; readonly label: string; readonly unit: string }[] = [
  { key: "taskDays", label: "Tasks", unit: "days" },
  { key: "taskCount", label: "Tasks at most", unit: "records" },
  { key: "failureDays", label: "Failures", unit: "days" },
  { key: "logDays", label: "Logs", unit: "days" },
  { key: "logBytesPerTask", label: "Log of a task at most", unit: "bytes" },
  { key: "auditDays", label: "Audit trail", unit: "days" },
];

/** For how long things are kept; an admin changes it. The server judges the figures. */
export function RetentionForm({ retention }: { readonly retention: Retention }) {
  const [texts, setTexts] = useState(() => Object.fromEntries(FIELDS.map(({ key }) => [key, String(retention[key])])));
  const isAdmin = useMay("admin");
  const notify = useNotify();
  const save = useAction((_key, changes: Readonly<Record<string, unknown>>) => api.patch("system", changes), {
    done: () => notify({ kind: "done", text: "Retention is changed" }),
    refresh: ["system"],
  });
  const changes = Object.fromEntries(
    FIELDS.filter(({ key }) => texts[key] !== String(retention[key])).map(({ key }) => [
      key,
      asNumber(texts[key] ?? ""),
    ]),
  );
  const errors = new Map(save.problem?.errors?.map((error) => [error.path, error.message]));
  return (
    <form
      className="lv-stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.run(changes);
      }}
    >
      <div className="lv-retention">
        {FIELDS.map(({ key, label, unit }) => (
          <TextInput
            key={key}
            label={label}
            inputMode="decimal"
            rightSection={<span className="lv-muted lv-unit">{unit}</span>}
            rightSectionWidth={64}
            value={texts[key] ?? ""}
            disabled={!isAdmin}
            error={errors.get(key)}
            onChange={(event) => setTexts({ ...texts, [key]: event.currentTarget.value })}
          />
        ))}
      </div>
      {save.problem && errors.size === 0 && (
        <p className="lv-problem" role="alert">
          {save.problem.detail}
        </p>
      )}
      <div>
        <NeedsRole role="admin">
          <Button type="submit" disabled={Object.keys(changes).length === 0} loading={save.pending}>
            Save
          </Button>
        </NeedsRole>
      </div>
    </form>
  );
}

/** What is no number goes to the server as it is, which says so at the field. */
function asNumber(text: string): unknown {
  const value = Number(text.trim());
  return text.trim() !== "" && Number.isFinite(value) ? value : text;
}
