import { DAY_MS } from "../../base/duration.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import { digestOf, makeSecret } from "./secrets.ts";
import type { TokenCheck } from "./token-check.ts";

/**
 * The sessions of browsers that are signed in to the page. A session is a random cookie. Only the digest of the cookie is stored, so
 * that a copy of the store does not give access. A session ends when the token under which it was created is replaced. A restart of
 * the daemon does not end it.
 */
export interface Sessions {
  /** Makes a code that is valid for one sign-in within `CODE_MS`. */
  makeCode(): { readonly code: string; readonly expiresMs: number };
  /** `address` is the browser's IP address. */
  signIn(secret: { readonly token?: string | undefined; readonly code?: string | undefined }, address: string): Result<Granted, ApiError>;
  /** Finds the session for the value of a `Cookie` header. */
  find(cookies: string): Found;
  /** Extends the session to its full lifetime again. Returns null if there is no session. */
  renew(cookies: string): Granted | null;
  end(key: string): void;
  /** Returns true if the session with this key is still valid. */
  isAlive(key: string): boolean;
  /** Returns the value of the `Set-Cookie` header that sets the cookie, or that deletes it if `granted` is null. */
  cookie(granted: Granted | null, secure: boolean): string;
}

export interface Granted {
  readonly value: string;
  readonly expiresMs: number;
}

/** The result of the search for a session. `ended` means that there is a cookie, but that its session has ended. */
export type Found =
  | { readonly kind: "none" | "ended" }
  | { readonly kind: "alive"; readonly key: string; readonly expiresMs: number; readonly stale: boolean };

export interface SessionOptions {
  readonly token: string;
  readonly check: TokenCheck;
  readonly basePath: string;
  readonly now: () => number;
  /** Loads and saves the sessions, as a string. */
  readonly memory: { load(): string | null; save(text: string): void };
}

/** The lifetime of a session, counted from the last time the page was opened. */
export const SESSION_MS = 7 * DAY_MS;
export const CODE_MS = 2 * 60_000;
/** If more browsers than this are signed in, the oldest sessions end. */
const MAX_SESSIONS = 200;
const MAX_CODES = 20;
const MAX_COOKIES = 10;

export function createSessions({ token, check, basePath, now, memory }: SessionOptions): Sessions {
  // Browsers share cookies between the ports of a host, so the cookies of two daemons on one machine need different names.
  const realm = digest(`sup session\0${token}`);
  const name = `sup-${realm.slice(0, 8)}`;
  const sessions = parse(memory.load(), realm);
  const codes = new Map<string, number>();
  const save = (): void => memory.save(JSON.stringify({ realm, sessions: [...sessions] }));
  /** Returns the value of the first cookie with a valid session. If there is none, returns the value of the first cookie. */
  const valueOf = (cookies: string): string | null => {
    const values = cookieValues(cookies, name);
    return values.find((value) => (sessions.get(digest(value)) ?? 0) > now()) ?? values[0] ?? null;
  };
  const prune = (): void => {
    for (const [key, expiresMs] of sessions) if (expiresMs <= now()) sessions.delete(key);
    while (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value!);
  };
  const begin = (value: string): Granted => {
    const expiresMs = now() + SESSION_MS;
    prune();
    sessions.set(digest(value), expiresMs);
    save();
    return { value, expiresMs };
  };
  const find = (cookies: string): Found => {
    const value = valueOf(cookies);
    if (value === null) return { kind: "none" };
    const key = digest(value);
    const expiresMs = sessions.get(key) ?? 0;
    if (expiresMs <= now()) return { kind: "ended" };
    return { kind: "alive", key, expiresMs, stale: expiresMs < now() + SESSION_MS - DAY_MS };
  };
  return {
    find,
    makeCode() {
      for (const [code, expiresMs] of codes) if (expiresMs <= now() || codes.size >= MAX_CODES) codes.delete(code);
      const code = makeSecret(24);
      const expiresMs = now() + CODE_MS;
      codes.set(digest(code), expiresMs);
      return { code, expiresMs };
    },
    signIn(secret, address) {
      // The limit does not apply to codes. They cannot be guessed, and the operator must always be able to sign in with one.
      if (secret.code !== undefined) {
        const problem = useCode(codes, secret.code, now());
        return problem ? err(problem) : ok(begin(makeSecret(32)));
      }
      const problem = checkToken(secret.token, address, check);
      return problem ? err(problem) : ok(begin(makeSecret(32)));
    },
    renew(cookies) {
      const value = valueOf(cookies);
      if (value === null || find(cookies).kind !== "alive") return null;
      sessions.delete(digest(value)); // the session is added again at the end, as the newest
      return begin(value);
    },
    end(key) {
      if (sessions.delete(key)) save();
    },
    isAlive: (key) => (sessions.get(key) ?? 0) > now(),
    cookie(granted, secure) {
      // The cookie outlives the session, so that `find` can distinguish an ended session from no session.
      const [value, seconds] = granted === null ? ["", 0] : [granted.value, (4 * SESSION_MS) / 1000];
      return `${name}=${value}; Path=${basePath || "/"}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
    },
  };
}

/** Returns the values of all cookies with this name, because another program on this host can set a second one with another path. */
const cookieValues = (cookies: string, name: string): string[] =>
  cookies
    .split(";")
    .flatMap((part) => {
      const [key, value] = part.trim().split("=");
      return key === name && value ? [value] : [];
    })
    .slice(0, MAX_COOKIES);

function checkToken(given: string | undefined, address: string, check: TokenCheck): ApiError | null {
  if (given === undefined || given === "")
    return { code: "invalid", message: "cannot sign in: the request has neither a token nor a code", hint: "`sup token` prints the token" };
  const verdict = check(given.trim(), address, "sign-in");
  if (verdict === "right") return null;
  if (verdict === "too-many") return TOO_MANY;
  return { code: "invalid", message: "cannot sign in: the token is wrong", hint: "`sup token` prints the right one" };
}

const TOO_MANY: ApiError = {
  code: "too-many",
  message: "cannot sign in: too many wrong tokens within a minute",
  hint: "wait a minute, or use the link that `sup dashboard` prints",
};

function useCode(codes: Map<string, number>, code: string, nowMs: number): ApiError | null {
  const key = digest(code);
  const expiresMs = codes.get(key) ?? 0;
  codes.delete(key);
  if (expiresMs > nowMs) return null;
  const message = "cannot sign in: the link was already used, or is older than two minutes";
  return { code: "invalid", message, hint: "`sup dashboard` prints a new one" };
}

const digest = (text: string): string => digestOf(text).toString("base64url");

/** Parses the stored sessions. Ignores those that are damaged or that belong to an earlier token. */
function parse(text: string | null, realm: string): Map<string, number> {
  try {
    const kept = JSON.parse(text ?? "null") as { realm?: unknown; sessions?: unknown } | null;
    if (kept?.realm !== realm || !Array.isArray(kept.sessions)) return new Map();
    return new Map((kept.sessions as Array<[string, number]>).filter(([key, ms]) => typeof key === "string" && typeof ms === "number"));
  } catch {
    return new Map();
  }
}
