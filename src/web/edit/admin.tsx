import { effect, signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Client } from "../../api/client/client.ts";
import { clientWith } from "../state/api.ts";
import { session, signedIn } from "../state/session.ts";

/**
 * A unit file says which commands the daemon runs, and as which user. Therefore the session of the page may not read or write it, and
 * the user enters the token. The token stays in the memory of this tab.
 */
const token = signal<string | null>(null);
const problem = signal<string | null>(null);

// The next user of this tab must not have the token of the one before.
effect(() => {
  if (!signedIn.value) token.value = null;
});

/** False if the daemon needs no authentication, for example with `api.auth` none. */
const needsToken = (): boolean => session.value?.expires != null;

export const isAdmin = (): boolean => !needsToken() || token.value !== null;

/** Sends a request with the token. A wrong token is forgotten, so that the page asks for it again. */
export const adminRequest: Client["call"] = async (name, ...input) => {
  const answer = await clientWith(needsToken() ? (token.peek() ?? undefined) : undefined).call(name, ...input);
  if (!answer.ok && (answer.error.code === "unauthorized" || answer.error.code === "too-many")) {
    token.value = null;
    problem.value = answer.error.code === "unauthorized" ? "The token is wrong." : answer.error.message;
  }
  return answer;
};

/** Asks for the token. */
export function TokenForm({ onCancel }: { readonly onCancel: () => void }) {
  const [text, setText] = useState("");
  return (
    <form
      class="card token-form"
      onSubmit={(event) => {
        event.preventDefault();
        problem.value = null;
        token.value = text.trim();
      }}
    >
      <h2>Editing needs the token</h2>
      <p>
        A unit file decides which commands run on this machine, so a signed-in browser is not enough. <code>sup token</code> prints the
        token. This tab forgets it when it is closed.
      </p>
      <label class="field">
        Token
        <input
          type="password"
          autocomplete="off"
          autofocus
          required
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          aria-invalid={problem.value !== null}
        />
      </label>
      {problem.value !== null && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={text.trim() === ""}>
          Continue
        </button>
      </div>
    </form>
  );
}
