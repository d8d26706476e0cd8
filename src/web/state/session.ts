import { computed, signal } from "@preact/signals";
import type { Session } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { request, whenUnauthorized } from "./api.ts";

/** The session of this browser, or null until the daemon has answered whether the browser is signed in. */
export const session = signal<Session | null>(null);

/** The message on the sign-in page, or null if there is none. */
export const signInNote = signal<string | null>(null);

export const signedIn = computed(() => session.value?.signed_in ?? false);

/** True if the page should show controls that change something. */
export const mayAct = computed(() => session.value?.access === "write");

/** Loads the session. Returns an error only if the daemon cannot be reached. */
export async function loadSession(): Promise<ApiError | null> {
  const answer = await request("session");
  if (!answer.ok) return answer.error;
  session.value = answer.value;
  if (!answer.value.signed_in && answer.value.ended) signInNote.value = ENDED;
  return null;
}

export async function signIn(secret: { readonly token: string } | { readonly code: string }): Promise<ApiError | null> {
  const answer = await request("signIn", secret);
  if (!answer.ok) return answer.error;
  signInNote.value = null;
  session.value = answer.value;
  return null;
}

export async function signOut(): Promise<ApiError | null> {
  const answer = await request("signOut");
  if (!answer.ok) return answer.error;
  signInNote.value = "You are signed out.";
  session.value = answer.value;
  return null;
}

export function sessionEnded(): void {
  if (session.value?.signed_in === false) return;
  signInNote.value = ENDED;
  session.value = { signed_in: false, ended: true, expires: null, access: session.value?.access ?? "read" };
}

whenUnauthorized(sessionEnded);

const ENDED = "Your session has ended: it expired, was signed out elsewhere, or the token was changed. Sign in again.";
