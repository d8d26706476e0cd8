import { useEffect, useState } from "preact/hooks";
import { loadSession, signIn, signInNote } from "../state/session.ts";
import { amend, place } from "../state/location.ts";
import type { ApiError } from "../../api/contract/errors.ts";

/** Signs the user in with the token, or with the code from a `sup dashboard` link. A code is tried immediately. */
export function SignInPage({ code, waiting = false }: { readonly code: string | null; readonly waiting?: boolean }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);

  const attempt = async (secret: Parameters<typeof signIn>[0]): Promise<void> => {
    setBusy(true);
    const error = await signIn(secret);
    setBusy(false);
    setProblem(error);
    if (error === null && place.value.page === "sign-in") amend({ page: "units", filter: "" });
  };
  useEffect(() => {
    if (code === null) return;
    amend({ page: "sign-in", code: null }); // the code works only once, so remove it from the browser's history
    void attempt({ code });
  }, [code]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() !== "") void attempt({ token: token.trim() });
  };
  if (waiting) return <Waiting />;
  return (
    <main class="sign-in">
      <form class="card sign-in-card" onSubmit={submit}>
        <h1>sup</h1>
        <p class="quiet-text">{location.host}</p>
        {signInNote.value && <p class="sign-in-note">{signInNote.value}</p>}
        <input type="text" name="username" value="sup" autocomplete="username" hidden readOnly />
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={token}
          aria-describedby="token-help"
          aria-invalid={problem !== null}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p class="problem" role="alert">
          {problem && `${problem.message}${problem.hint ? `; ${problem.hint}` : ""}`}
        </p>
        <button type="submit" class="button primary" disabled={busy}>
          Sign in
        </button>
        <p id="token-help" class="quiet-text">
          On the server, <code>sup dashboard</code> prints a sign-in link, and <code>sup token</code> prints the token.
        </p>
      </form>
    </main>
  );
}

function Waiting() {
  if (signInNote.value === null)
    return (
      <main class="sign-in" aria-busy="true">
        <h1 class="visually-hidden">sup</h1>
      </main>
    );
  return (
    <main class="sign-in">
      <div class="card sign-in-card">
        <h1>sup</h1>
        <p class="problem" role="alert">
          {signInNote.value}
        </p>
        <button type="button" class="button" onClick={() => void loadSession()}>
          Try again
        </button>
      </div>
    </main>
  );
}
