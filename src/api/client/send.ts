import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import { pathOf, routes, type RouteName } from "../contract/routes.ts";

/** Sends one request of the control API, over the unix socket or over TCP with a token. */
export type Send = (name: RouteName, request: Outgoing) => Promise<Result<Response, ApiError>>;

export interface Outgoing {
  readonly input?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Time limit for the answer in milliseconds. If absent, there is no limit. */
  readonly timeoutMs?: number;
  /** Aborts the request and the stream of its answer. Only for requests without a time limit. */
  readonly signal?: AbortSignal;
}

export type Target =
  { readonly kind: "socket"; readonly path: string } | { readonly kind: "url"; readonly url: string; readonly token: string | undefined };

export interface Hooks {
  /**
   * Returns true while a daemon is known to be alive. In that case, a refused connection only means that the daemon is
   * re-executing itself, so the request is retried for 2 s.
   */
  readonly daemonLives: () => boolean;
  readonly sleep: (ms: number) => Promise<void>;
  /** Sends a request and resolves with the headers of the answer. By default the runtime's own `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Time limit for requests that only read. */
export const READ_TIMEOUT_MS = 30_000;
const RETRY_MS = 2_000;
const RETRY_STEP_MS = 50;

export function createSend(target: Target, hooks: Hooks): Send {
  return async (name, outgoing) => {
    for (let waited = 0; ; waited += RETRY_STEP_MS) {
      try {
        return ok(await request(target, name, outgoing, hooks.fetch ?? fetch));
      } catch (error) {
        const code = codeOf(error);
        const gap = code === "ENOENT" || code === "ECONNREFUSED";
        const lives = gap && hooks.daemonLives();
        if (!lives || waited >= RETRY_MS)
          return err(lives && target.kind === "socket" ? noSocket(target.path) : unreachable(target, code, error));
      }
      await hooks.sleep(RETRY_STEP_MS);
    }
  };
}

type Fetch = NonNullable<Hooks["fetch"]>;

function request(
  target: Target,
  name: RouteName,
  { input = {}, headers: extra, timeoutMs, signal }: Outgoing,
  send: Fetch,
): Promise<Response> {
  const route = routes[name];
  const { id, ...rest } = input;
  const inPath = route.path.includes(":id");
  const body = route.method === "POST" ? JSON.stringify(inPath ? rest : input) : undefined;
  const headers: Record<string, string> = { ...extra };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (target.kind === "url" && target.token) headers.authorization = `Bearer ${target.token}`;
  const base = target.kind === "socket" ? "http://localhost" : target.url.replace(/\/+$/, "");
  const path = pathOf(route, inPath ? String(id) : undefined) + (body === undefined ? queryText(rest) : "");
  return send(base + path, {
    method: route.method,
    headers,
    redirect: "manual",
    ...(target.kind === "socket" && { unix: target.path }),
    ...(body !== undefined && { body }),
    ...(timeoutMs === undefined ? { timeout: false, ...(signal && { signal }) } : { signal: AbortSignal.timeout(timeoutMs) }),
  } as RequestInit);
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) params.append(key, String(one));
  }
  return params.size === 0 ? "" : `?${params.toString()}`;
}

export const placeOf = (target: Target): string => (target.kind === "socket" ? target.path : target.url);

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if (error.name === "TimeoutError") return "TIMEOUT";
  const code = (error as Error & { code?: unknown }).code;
  return typeof code === "string" ? code : "";
}

const CAUSES: Record<string, string> = {
  ENOENT: "no such socket, so no daemon runs here",
  ECONNREFUSED: "connection refused, so no daemon listens there",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENAMETOOLONG: "the path of a unix socket is limited to 107 bytes",
  ENOTFOUND: "no such host",
  ERR_INVALID_URL: "not a URL",
  TIMEOUT: `no answer within ${READ_TIMEOUT_MS / 1000} s`,
};

/** A daemon holds the lock of the state directory, so the hint must not advise to start one. */
const noSocket = (path: string): ApiError => ({
  code: "unreachable",
  message: `cannot reach the daemon at ${path}: a daemon runs, but it does not listen there`,
  hint: "it is starting or stopping, or the socket was deleted: it makes the socket again within seconds; otherwise its log, sup.log, says why not",
});

function unreachable(target: Target, code: string, error: unknown): ApiError {
  const cause = CAUSES[code] ?? (error instanceof Error ? error.message : String(error));
  const message = `cannot reach the daemon at ${placeOf(target)}: ${cause}`;
  return { code: "unreachable", message, hint: hintFor(target, code) };
}

function hintFor(target: Target, code: string): string {
  if (code === "EACCES" || code === "EPERM") return "the daemon belongs to another user; try `sudo sup …`";
  if (code === "TIMEOUT") return "the daemon runs but does not answer; its log is sup.log";
  return target.kind === "socket" ? "start it with `sup daemon start`" : "check the address, and that the daemon runs on that machine";
}
