import type { ApiError } from "../contract/errors.ts";
import type { Access } from "../contract/routes.ts";
import type { Found } from "./sessions.ts";
import type { TokenCheck } from "./token-check.ts";

/** The section `api` of the settings file. */
export interface ApiSettings {
  readonly host: string;
  /** `none` applies only to a loopback host. On any other host the token is still required. */
  readonly auth: "token" | "none";
  /** The prefix under which a reverse proxy serves this API, such as `/sup` (without a trailing slash), or an empty string. */
  readonly basePath: string;
  readonly allowedHosts: readonly string[];
  /** Origins of other sites whose pages may use the API, for example `https://dash.example:8443`. */
  readonly allowedOrigins: readonly string[];
  /** With `read-only`, sessions of the page cannot change anything. */
  readonly page: "on" | "off" | "read-only";
}

export interface AccessGate {
  /** Checks Host and Origin of a request over TCP, to prevent DNS rebinding and requests from pages of other sites. */
  checkSite(headers: Headers): ApiError | null;
  /** `address` is the client's IP address. */
  checkToken(access: Access, headers: Headers, address: string): ApiError | null;
  /** Checks a request that has a session cookie and no token. */
  checkSession(access: Access, headers: Headers, found: Found): ApiError | null;
  /** False if the listener needs no authentication. */
  readonly needsToken: boolean;
  /** Returns the headers with which a page of an allowed origin can read the response (Fetch standard, CORS), or null for other origins. */
  corsFor(headers: Headers): Readonly<Record<string, string>> | null;
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

/** Loads node:net only for a listener on all addresses, because it takes 1.5 MB of memory. */
const isAddress = (name: string): boolean => (require("node:net") as typeof import("node:net")).isIP(name) !== 0;

/** Creates the access rules of the TCP listener. They do not apply to the unix socket, whose file mode controls the access. */
export function createGate(settings: ApiSettings, check: TokenCheck): AccessGate {
  const names = new Set(["127.0.0.1", "localhost", "::1", ...[settings.host, ...settings.allowedHosts].map(plainHost)]);
  // DNS rebinding needs a host name. On a wildcard listener, an IP address in Host can only be an address of this machine.
  const anyAddress = settings.host === "0.0.0.0" || plainHost(settings.host) === "::";
  const origins = new Set(settings.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  const needsToken = settings.auth === "token" || !isLoopback(settings.host);
  return {
    checkSite(headers) {
      const host = headers.get("host")?.toLowerCase() ?? "";
      const name = hostName(host);
      if (!names.has(name) && !(anyAddress && isAddress(name))) return foreignHost(host);
      const origin = headers.get("origin")?.toLowerCase();
      if (origin === undefined || origins.has(origin) || origin === `http://${host}` || origin === `https://${host}`) return null;
      return foreignOrigin(origin);
    },
    checkToken(access, headers, address) {
      if (access === "open" || !needsToken) return null;
      const given = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
      if (given === undefined) return { code: "unauthorized", message: "cannot answer: the request has no token", hint: TOKEN_HINT };
      const verdict = check(given, address, "request");
      if (verdict === "right") return null;
      if (verdict === "too-many") return TOO_MANY;
      return { code: "unauthorized", message: "cannot answer: the token is wrong", hint: TOKEN_HINT };
    },
    needsToken,
    checkSession(access, headers, found) {
      if (access === "open" || !needsToken) return null;
      if (found.kind !== "alive") return { code: "unauthorized", message: "cannot answer: the session has ended", hint: "sign in again" };
      // Cookies do not distinguish the ports of a host. Therefore a header of the browser must say which page sent the request (Fetch Metadata).
      const from = headers.get("sec-fetch-site");
      if (from !== null && from !== "same-origin" && from !== "none")
        return { code: "forbidden", message: "cannot answer: another page made this request with the session of this one" };
      if (access === "read") return null;
      if (access === "admin")
        return { code: "forbidden", message: "cannot do that from the page", hint: "use `sup` on the machine, or the token" };
      if (settings.page !== "read-only") return null;
      return { code: "forbidden", message: "cannot change anything: the page is read-only", hint: "see api.page in the settings file" };
    },
    corsFor(headers) {
      const origin = headers.get("origin")?.toLowerCase();
      return origin !== undefined && origins.has(origin) ? { "access-control-allow-origin": origin, vary: "origin" } : null;
    },
  };
}

export const PREFLIGHT = {
  "access-control-allow-methods": "GET, HEAD, POST, PUT",
  "access-control-allow-headers": "authorization, content-type, if-match, last-event-id",
  "access-control-max-age": "600",
} as const;

const TOKEN_HINT = "send the header Authorization: Bearer TOKEN; `sup token` prints it";

const TOO_MANY: ApiError = {
  code: "too-many",
  message: "cannot answer: this address has sent too many wrong tokens within a minute",
  hint: "wait a minute, or use the unix socket; `sup token` prints the right token",
};

const plainHost = (host: string): string => host.toLowerCase().replace(/^\[(.*)\]$/, "$1");

/** Returns the host part of strings such as `name:port` and `[::1]:port`. */
function hostName(host: string): string {
  const inBrackets = /^\[([^\]]*)\](:\d*)?$/.exec(host);
  return inBrackets ? inBrackets[1]! : host.replace(/:\d*$/, "");
}

const foreignHost = (host: string): ApiError => ({
  code: "forbidden",
  message:
    host === "" ? "cannot answer: the request has no Host header" : `cannot answer: ${host.slice(0, 100)} is not a name of this listener`,
  hint: "add the name to api.allowed_hosts in the settings file",
});

const foreignOrigin = (origin: string): ApiError => ({
  code: "forbidden",
  message: `cannot answer: requests from pages of ${origin.slice(0, 100)} are not allowed`,
  hint: "add the origin to api.allowed_origins in the settings file",
});
