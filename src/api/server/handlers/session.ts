import type { Answer, Context, Handler } from "./handler.ts";
import { jsonAnswer } from "../answer.ts";
import type { Session } from "../../contract/shapes.ts";
import type { Granted } from "../sessions.ts";

export const session: Handler<"session"> = (_, context) => {
  const { found, sessions, cookies } = context.visitor;
  if (found.kind !== "alive") return { ok: true, value: { ...stateOf(context, null), ended: found.kind === "ended" } };
  const granted = found.stale ? sessions.renew(cookies) : null;
  const answer = stateOf(context, granted?.expiresMs ?? found.expiresMs);
  return granted ? withCookie(context, granted, answer) : { ok: true, value: answer };
};

export const signIn: Handler<"signIn"> = (input, context) => {
  const { page, sessions, address } = context.visitor;
  if (page === "off") return PAGE_OFF;
  const granted = sessions.signIn(input, address);
  return granted.ok ? withCookie(context, granted.value, stateOf(context, granted.value.expiresMs)) : granted;
};

export const signOut: Handler<"signOut"> = (_, context) => {
  const { sessions, cookies } = context.visitor;
  // A browser may send several cookies of this name, each with a valid session.
  for (let found = context.visitor.found; found.kind === "alive"; found = sessions.find(cookies)) {
    sessions.end(found.key);
    context.endStreamsOf(found.key);
  }
  return withCookie(context, null, stateOf(context, null));
};

export const signInLink: Handler<"signInLink"> = async (_, { visitor, supervisor }) => {
  if (visitor.page === "off") return PAGE_OFF;
  const { url } = (await supervisor.status()).daemon;
  if (url === null) {
    const message = "cannot make a link: the daemon listens on its unix socket only";
    return {
      ok: false,
      error: { code: "conflict", message, hint: "`sup doctor` says why; see api.enabled and api.port in the settings file" },
    };
  }
  const { code, expiresMs } = visitor.sessions.makeCode();
  // The browser does not send the part after the #, so no proxy logs the code.
  return { ok: true, value: { url: `${reachable(url)}${visitor.basePath}/#/sign-in/${code}`, expires: new Date(expiresMs).toISOString() } };
};

const PAGE_OFF = {
  ok: false,
  error: { code: "conflict", message: "the page is switched off", hint: 'set "api": {"page": true} in the settings file' },
} as const;

/** Replaces a wildcard address by the loopback address, because a browser cannot connect to a wildcard address. */
const reachable = (url: string): string => url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");

function stateOf({ visitor }: Context, expiresMs: number | null): Session {
  return {
    signed_in: expiresMs !== null || !visitor.needsSession,
    ended: false,
    expires: expiresMs === null ? null : new Date(expiresMs).toISOString(),
    access: visitor.page === "read-only" ? "read" : "write",
  };
}

/** Responds with a cookie. It has the attribute `Secure` if the browser used https, according to Origin or a proxy's X-Forwarded-Proto. */
function withCookie({ visitor }: Context, granted: Granted | null, value: Session): Answer<"session"> {
  const response = jsonAnswer(value);
  response.headers.set("set-cookie", visitor.sessions.cookie(granted, visitor.secure));
  return response;
}
