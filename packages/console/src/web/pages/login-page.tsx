import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { api } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { withPrefix } from "../components/app-link.js";
import { LeafMark } from "../components/icon.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";

/** The way in, where the console has users of its own. */
export function LoginPage() {
  const [{ next }] = useUrlState(["next"]);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  useEffect(() => {
    document.title = `Log in · ${texts.brand}`;
  }, []);
  const login = useAction(
    (idempotencyKey, who: { readonly name: string; readonly password: string }) =>
      api.post("login", who, { idempotencyKey }),
    {
      // A new document: nothing of the session before stays in this one.
      done: () => window.location.assign(withPrefix(safeNext(next))),
    },
  );
  return (
    <main className="lv-login">
      <form
        className="lv-panel lv-login-form"
        onSubmit={(event) => {
          event.preventDefault();
          login.run({ name, password });
        }}
      >
        <div className="lv-login-brand">
          <LeafMark size={34} />
          <h1>{texts.brand}</h1>
        </div>
        <p className="lv-muted">Log in to see and steer your workers, tasks and queues.</p>
        <TextInput
          label="Name"
          autoComplete="username"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
          autoFocus
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
        />
        {login.problem && (
          <p className="lv-problem" role="alert">
            {login.problem.detail} <span className="lv-muted">({login.problem.code})</span>
          </p>
        )}
        <Button type="submit" loading={login.pending} fullWidth>
          Log in
        </Button>
      </form>
    </main>
  );
}

/** Only a path of the console's own: an address in a link must not lead away after the login. */
export function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/";
}
