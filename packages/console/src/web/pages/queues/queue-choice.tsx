import { Autocomplete } from "@mantine/core";
import type { QueueList } from "../../../api/queues.js";
import { useApi } from "../../api/use-api.js";

export interface QueueChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (name: string) => void;
  /** Not offered: where the messages are already. */
  readonly except?: string;
  readonly disabled?: boolean;
  readonly error?: string | undefined;
}

/** A queue by name, completed from those that there are. */
export function QueueChoice({ label, value, onChange, except, disabled = false, error }: QueueChoiceProps) {
  const queues = useApi<QueueList>("queues");
  const names = (queues.data?.items ?? []).map(({ name }) => name).filter((name) => name !== except);
  return (
    <Autocomplete
      label={label}
      required
      data={names.sort()}
      limit={50}
      // A list that opens by itself would hide the rest of the dialog.
      openOnFocus={false}
      value={value}
      error={error}
      disabled={disabled}
      onChange={onChange}
      autoComplete="off"
    />
  );
}
