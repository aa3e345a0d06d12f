import { Button, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import type { CreatedToken, TokenItem } from "../../api/operations.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { CopyButton } from "../components/copy-button.js";
import { type Column, DataTable } from "../components/data-table.js";
import { DialogForm, fieldErrors } from "../components/dialog-form.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Empty } from "../components/page-states.js";
import { Badge } from "../components/state-badge.js";
import { Time } from "../components/time.js";
import { texts } from "../texts.js";
import { AdminOnly } from "./settings/admin-only.js";
import { SettingsFrame } from "./settings/settings-frame.js";

const COLUMNS: readonly Column<TokenItem>[] = [
  { key: "name", title: "Name", fixed: true, card: "title", cell: ({ name }) => <bdi>{name}</bdi> },
  { key: "role", title: "Role", card: "field", cell: ({ role }) => role },
  { key: "state", title: "State", card: "field", cell: (token) => <TokenState token={token} /> },
  {
    key: "expires",
    title: "Ends",
    card: "field",
    cell: ({ expires }) => (expires === null ? "never" : <Time at={expires} focusable={false} />),
  },
  { key: "used", title: "Last used", card: "field", cell: ({ lastUsed }) => <Time at={lastUsed} focusable={false} /> },
  { key: "created", title: "Made", cell: ({ createdAt }) => <Time at={createdAt} focusable={false} /> },
];

function TokenState({ token }: { readonly token: TokenItem }) {
  if (token.disabled)
    return (
      <Badge tone="stopped" sign="⊘">
        disabled
      </Badge>
    );
  if (token.expires !== null && Date.parse(token.expires) < Date.now())
    return (
      <Badge tone="quiet" sign="○">
        ended
      </Badge>
    );
  return (
    <Badge tone="good" sign="✓">
      valid
    </Badge>
  );
}

/** Tokens of programs that use the API. */
export function TokensPage() {
  const [adding, setAdding] = useState(false);
  return (
    <SettingsFrame
      title={texts.settingsNav.tokens}
      lead="For programs: Authorization: Bearer …"
      actions={
        <NeedsRole role="admin">
          <Button leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>
            Make token
          </Button>
        </NeedsRole>
      }
    >
      <AdminOnly>{() => <TokenTable />}</AdminOnly>
      <Modal opened={adding} onClose={() => setAdding(false)} title="Make token" closeOnClickOutside={false}>
        {adding && <TokenForm onClose={() => setAdding(false)} />}
      </Modal>
    </SettingsFrame>
  );
}

function TokenTable() {
  const tokens = useApi<{ readonly items: readonly TokenItem[] }>("tokens");
  const change = useAction(
    (_key, token: TokenItem, changes: { readonly disabled: boolean }) =>
      api.patch(apiPath`tokens/${token.id}`, changes),
    {
      failed: "The token could not be changed",
      undo: (_, { id, name }, { disabled }) => ({
        text: disabled ? `The token “${name}” is disabled` : `The token “${name}” is valid again`,
        undone: disabled ? `The token “${name}” is valid again` : `The token “${name}” is disabled`,
        back: async () => {
          await api.patch(apiPath`tokens/${id}`, { disabled: !disabled });
          return undefined;
        },
      }),
      refresh: ["tokens"],
    },
  );
  return (
    <DataTable
      name="tokens"
      label={texts.settingsNav.tokens}
      columns={COLUMNS}
      rows={tokens.data?.items}
      rowKey={(token) => token.id}
      rowFaded={(token) => token.disabled}
      error={tokens.error}
      onRetry={() => void tokens.refetch()}
      rowMenu={(token) => [
        token.disabled
          ? { label: "Enable", icon: "check", run: () => change.run(token, { disabled: false }) }
          : { label: "Disable", icon: "stop", danger: true, run: () => change.run(token, { disabled: true }) },
      ]}
      emptyState={
        <Empty icon="key" title="No tokens yet">
          A token lets a program use the API, with a role and an end.
        </Empty>
      }
    />
  );
}

const ENDS = [
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
  { value: "", label: "never" },
];

function TokenForm({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<CreatedToken>();
  const make = useAction(
    (idempotencyKey, body: Readonly<Record<string, unknown>>) =>
      api.post<CreatedToken>("tokens", body, { idempotencyKey }),
    {
      done: setMade,
      refresh: ["tokens"],
    },
  );
  if (made) return <MadeToken made={made} onClose={onClose} />;
  const errors = fieldErrors(make.problem);
  return (
    <DialogForm
      onSubmit={() => {
        const expires = days === "" ? null : new Date(Date.now() + Number(days) * 86_400_000).toISOString();
        make.run({ name: name.trim(), role, expires });
      }}
      onClose={onClose}
      verb="Make token"
      pending={make.pending}
      problem={make.problem}
      fields={["name", "expires"]}
    >
      <TextInput
        label="Name"
        description="What uses it"
        required
        autoComplete="off"
        value={name}
        error={errors.get("name")}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <NativeSelect
        label="Role"
        value={role}
        data={["viewer", "operator", "admin"]}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <NativeSelect
        label="Ends"
        value={days}
        data={ENDS}
        error={errors.get("expires")}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
    </DialogForm>
  );
}

/** The only time it is shown. */
function MadeToken({ made, onClose }: { readonly made: CreatedToken; readonly onClose: () => void }) {
  return (
    <div className="lv-stack">
      <p role="status">The token “{made.item.name}” is made. Copy it now: it is not shown again.</p>
      <div className="lv-empty-code">
        <pre>
          <code className="lv-wrap-anywhere">{made.token}</code>
        </pre>
        <CopyButton text={made.token} label="Copy the token" />
      </div>
      <div className="lv-dialog-buttons">
        <Button onClick={onClose}>I have copied it</Button>
      </div>
    </div>
  );
}
