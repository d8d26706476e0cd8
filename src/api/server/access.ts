import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { ApiError } from "../contract/errors.ts";
import type { Access } from "../contract/routes.ts";
import type { Found } from "./sessions.ts";

/** `api` of the settings file. */
export interface ApiSettings {
  readonly host: string;
  /** `none` applies to a loopback host only; on any other host the token is still required. */
  readonly auth: "token" | "none";
  /** `""`, or a `/prefix` without trailing slash under which a reverse proxy serves this API. */
  readonly basePath: string;
  readonly allowedHosts: readonly string[];
  /** `https://dash.example:8443`. */
  readonly allowedOrigins: readonly string[];
  /** `read-only`: sessions of the page cannot change anything. */
  readonly page: "on" | "off" | "read-only";
}

export interface AccessGate {
  /** Checks Host and Origin of a request over TCP, against DNS rebinding and against pages of other sites. */
  checkSite(headers: Headers): ApiError | null;
  checkToken(access: Access, headers: Headers): ApiError | null;
  /** Checks a request with a session cookie and no token. */
  checkSession(access: Access, headers: Headers, found: Found): ApiError | null;
  /** False: the listener needs no authentication. */
  readonly needsToken: boolean;
  /** Headers that let a page of an allowed foreign origin read the answer (Fetch standard, CORS); null for any other origin. */
  corsFor(headers: Headers): Readonly<Record<string, string>> | null;
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

/** The access rules of the TCP listener. Access to the unix socket is controlled by its file mode. */
export function createGate(settings: ApiSettings, token: string): AccessGate {
  const names = new Set(["127.0.0.1", "localhost", "::1", ...[settings.host, ...settings.allowedHosts].map(plainHost)]);
  // DNS rebinding needs a name; on a wildcard listener a bare address in Host is simply the address of this machine.
  const anyAddress = settings.host === "0.0.0.0" || plainHost(settings.host) === "::";
  const origins = new Set(settings.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  const needsToken = settings.auth === "token" || !isLoopback(settings.host);
  const expected = digest(token);
  return {
    checkSite(headers) {
      const host = headers.get("host")?.toLowerCase() ?? "";
      const name = hostName(host);
      if (!names.has(name) && !(anyAddress && isIP(name) !== 0)) return foreignHost(host);
      const origin = headers.get("origin")?.toLowerCase();
      if (origin === undefined || origins.has(origin) || origin === `http://${host}` || origin === `https://${host}`) return null;
      return foreignOrigin(origin);
    },
    checkToken(access, headers) {
      if (access === "open" || !needsToken) return null;
      const given = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
      if (given === undefined) return { code: "unauthorized", message: "cannot answer: the request has no token", hint: TOKEN_HINT };
      // Digests have equal lengths, so the timing of the comparison reveals nothing about the token, not even its length.
      if (timingSafeEqual(digest(given), expected)) return null;
      return { code: "unauthorized", message: "cannot answer: the token is wrong", hint: TOKEN_HINT };
    },
    needsToken,
    checkSession(access, headers, found) {
      if (access === "open" || !needsToken) return null;
      if (found.kind !== "alive") return { code: "unauthorized", message: "cannot answer: the session has ended", hint: "sign in again" };
      // Cookies do not distinguish the ports of a host, so the browser has to say which page made the request (Fetch Metadata).
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
  "access-control-allow-methods": "GET, HEAD, POST",
  "access-control-allow-headers": "authorization, content-type, last-event-id",
  "access-control-max-age": "600",
} as const;

const TOKEN_HINT = "send the header Authorization: Bearer TOKEN; `sup token` prints it";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const plainHost = (host: string): string => host.toLowerCase().replace(/^\[(.*)\]$/, "$1");

/** The host of `name:port`, `[::1]:port` and the like. */
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
