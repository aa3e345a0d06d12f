import { Button, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useState } from "react";
import type { UserItem } from "../../api/operations.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { type Column, DataTable } from "../components/data-table.js";
import { DialogForm, fieldErrors } from "../components/dialog-form.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Empty } from "../components/page-states.js";
import { Badge } from "../components/state-badge.js";
import { Time } from "../components/time.js";
import { useMe, useNotify } from "../state/app-context.js";
import { texts } from "../texts.js";
import { AdminOnly } from "./settings/admin-only.js";
import { SettingsFrame } from "./settings/settings-frame.js";

const ROLES = ["viewer", "operator", "admin"] as const;
const COLUMNS: readonly Column<UserItem>[] = [
  { key: "name", title: "Name", fixed: true, card: "title", cell: ({ name }) => <bdi>{name}</bdi> },
  { key: "role", title: "Role", card: "field", cell: ({ role }) => role },
  {
    key: "state",
    title: "State",
    card: "field",
    cell: ({ disabled }) =>
      disabled ? (
        <Badge tone="stopped" sign="⊘">
          disabled
        </Badge>
      ) : (
        <Badge tone="good" sign="✓">
          enabled
        </Badge>
      ),
  },
  {
    key: "source",
    title: "From",
    card: "field",
    cell: ({ source }) => (source === "settings" ? "settings (read-only)" : "this console"),
  },
  { key: "seen", title: "Last seen", card: "field", cell: ({ lastSeen }) => <Time at={lastSeen} focusable={false} /> },
  { key: "created", title: "Added", cell: ({ createdAt }) => <Time at={createdAt} focusable={false} /> },
];

/** Who may log in with a password, and as what. */
export function UsersPage() {
  const [dialog, setDialog] = useState<"add" | UserItem>();
  return (
    <SettingsFrame
      title={texts.settingsNav.users}
      actions={
        <NeedsRole role="admin">
          <Button leftSection={<Icon name="plus" size={14} />} onClick={() => setDialog("add")}>
            Add user
          </Button>
        </NeedsRole>
      }
    >
      <AdminOnly>{() => <UserTable onEdit={setDialog} />}</AdminOnly>
      <Modal
        opened={dialog !== undefined}
        onClose={() => setDialog(undefined)}
        title={dialog === "add" ? "Add user" : `Change ${dialog?.name}`}
      >
        {dialog !== undefined && (
          <UserForm user={dialog === "add" ? undefined : dialog} onClose={() => setDialog(undefined)} />
        )}
      </Modal>
    </SettingsFrame>
  );
}

function UserTable({ onEdit }: { readonly onEdit: (user: UserItem) => void }) {
  const users = useApi<{ readonly items: readonly UserItem[] }>("users");
  const me = useMe();
  const change = useAction(
    (_key, user: UserItem, changes: { readonly disabled: boolean }) => api.patch(apiPath`users/${user.name}`, changes),
    {
      failed: "The user could not be changed",
      undo: (_, { name }, { disabled }) => ({
        text: disabled ? `${name} is disabled` : `${name} is enabled`,
        undone: disabled ? `${name} is enabled` : `${name} is disabled`,
        back: async () => {
          await api.patch(apiPath`users/${name}`, { disabled: !disabled });
          return undefined;
        },
      }),
      refresh: ["users"],
    },
  );
  const why = (user: UserItem) => (user.source === "settings" ? "comes from the settings" : null);
  return (
    <DataTable
      name="users"
      label={texts.settingsNav.users}
      columns={COLUMNS}
      rows={users.data?.items}
      rowKey={(user) => user.name}
      rowFaded={(user) => user.disabled}
      exports={users.data && { rows: users.data.items }}
      error={users.error}
      onRetry={() => void users.refetch()}
      rowMenu={(user) => [
        { label: "Change role or password…", icon: "edit", disabled: why(user), run: () => onEdit(user) },
        user.disabled
          ? { label: "Enable", icon: "check", disabled: why(user), run: () => change.run(user, { disabled: false }) }
          : {
              label: "Disable",
              icon: "stop",
              danger: true,
              disabled: user.name === me.name ? "that is you" : why(user),
              run: () => change.run(user, { disabled: true }),
            },
      ]}
      emptyState={
        <Empty icon="user" title="No users yet" code="lovage console --auth basic">
          Users added here can log in when the console runs with passwords.
        </Empty>
      }
    />
  );
}

function UserForm({ user, onClose }: { readonly user: UserItem | undefined; readonly onClose: () => void }) {
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState<string>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const notify = useNotify();
  const save = useAction(
    (idempotencyKey, body: Readonly<Record<string, unknown>>) =>
      user ? api.patch(apiPath`users/${user.name}`, body) : api.post("users", body, { idempotencyKey }),
    {
      done: () => {
        notify({ kind: "done", text: user ? `${user.name} is changed` : `${name} is added` });
        onClose();
      },
      refresh: ["users"],
    },
  );
  const errors = fieldErrors(save.problem);
  const withPassword = password === "" ? {} : { password };
  return (
    <DialogForm
      onSubmit={() => save.run(user ? { role, ...withPassword } : { name: name.trim(), role, password })}
      onClose={onClose}
      verb={user ? "Change user" : "Add user"}
      pending={save.pending}
      problem={save.problem}
      fields={["name", "role", "password"]}
    >
      {user === undefined && (
        <TextInput
          label="Name"
          required
          autoComplete="off"
          value={name}
          error={errors.get("name")}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
      )}
      <NativeSelect
        label="Role"
        value={role}
        data={[...ROLES]}
        error={errors.get("role")}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <PasswordInput
        label={user ? "New password (empty: stays)" : "Password"}
        description="At least 8 characters"
        required={user === undefined}
        autoComplete="new-password"
        value={password}
        error={errors.get("password")}
        onChange={(event) => setPassword(event.currentTarget.value)}
        visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
      />
    </DialogForm>
  );
}
