import { err, ok, type Result } from "../../base/result.ts";
import type { Input, Output } from "../contract/contract.ts";
import type { ApiError } from "../contract/errors.ts";
import { pathOf, routes, type RouteName } from "../contract/routes.ts";
import { openEvents, openLines, openRun, type EventMessage, type LineMessage, type RunMessage } from "./streams.ts";

/**
 * The typed client of the control API, over the unix socket or over TCP with a token. Shapes come in as types only, so
 * that a command line that uses this starts without a schema library; both ends are built from the same contract.
 */
export interface Client {
  /** `input` is flat, as in the contract: the `:id` of the path, and the query (GET) or the keys of the body (POST). */
  call<Name extends RouteName>(name: Name, ...input: Given<Name>): Promise<Result<Output<Name>, ApiError>>;
  /** Log lines, then those to come, until the daemon ends or the caller stops asking. */
  follow(input: Input<"serviceLogs">): AsyncGenerator<Result<LineMessage, ApiError>>;
  /** Runs a transient unit: its id, its lines, its end. Does not connect again: a daemon that comes back knows no listener. */
  followRun(input: Omit<Input<"run">, "follow">): AsyncGenerator<Result<RunMessage, ApiError>>;
  /** The event stream; connects again by itself with Last-Event-ID while the daemon comes back within the retry time. */
  events(): AsyncGenerator<Result<EventMessage, ApiError>>;
}

/** The input may be left out where the contract asks for nothing. */
type Given<Name extends RouteName> = Record<string, never> extends Input<Name> ? [input?: Input<Name>] : [input: Input<Name>];

export type Target =
  { readonly kind: "socket"; readonly path: string } | { readonly kind: "url"; readonly url: string; readonly token: string | undefined };

export interface Hooks {
  /** True while a daemon is known to live, so that a refused connection is only the gap of its re-exec: tried again for 2 s. */
  readonly daemonLives: () => boolean;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Opens a request; the streams use it too. */
export type Send = (name: RouteName, request: Ask) => Promise<Result<Response, ApiError>>;

export interface Ask {
  readonly input?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait for the answer, in ms; absent waits for ever. */
  readonly patience?: number;
}

const READ_PATIENCE_MS = 30_000;
const RETRY_MS = 2_000;
const RETRY_STEP_MS = 50;

export function createClient(target: Target, hooks: Hooks): Client {
  const send: Send = (name, ask) => sendPatiently(target, hooks, name, ask);
  const readError = async (response: Response): Promise<ApiError> => errorOf(await bodyOf(response), response, target);
  return {
    async call<Name extends RouteName>(name: Name, ...[input]: Given<Name>) {
      // What acts, and a probe that is run now, may take as long as the unit's own timeouts; what shows must answer soon.
      const shows = routes[name].method === "GET" && !(input && "run" in input && input.run);
      const patience = shows ? { patience: READ_PATIENCE_MS } : {};
      const answer = await send(name, { ...(input && { input: input as Record<string, unknown> }), ...patience });
      return answer.ok ? readJson<Output<Name>>(answer.value, target) : answer;
    },
    follow: (input) => openLines(send, { ...input, follow: true }, readError, hooks.sleep),
    followRun: (input) => openRun(send, { ...input, follow: true }, readError),
    events: () => openEvents(send, readError, hooks.sleep),
  };
}

async function sendPatiently(target: Target, hooks: Hooks, name: RouteName, ask: Ask): ReturnType<Send> {
  for (let waited = 0; ; waited += RETRY_STEP_MS) {
    try {
      return ok(await request(target, name, ask));
    } catch (error) {
      const code = codeOf(error);
      const gap = code === "ENOENT" || code === "ECONNREFUSED";
      if (!gap || waited >= RETRY_MS || !hooks.daemonLives()) return err(unreachable(target, code, error));
    }
    await hooks.sleep(RETRY_STEP_MS);
  }
}

function request(target: Target, name: RouteName, { input = {}, headers: extra, patience }: Ask): Promise<Response> {
  const route = routes[name];
  const { id, ...rest } = input;
  const inPath = route.path.includes(":id");
  const body = route.method === "POST" ? JSON.stringify(inPath ? rest : input) : undefined;
  const headers: Record<string, string> = { ...extra };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (target.kind === "url" && target.token) headers.authorization = `Bearer ${target.token}`;
  const base = target.kind === "socket" ? "http://localhost" : target.url.replace(/\/+$/, "");
  const path = pathOf(route, inPath ? String(id) : undefined) + (body === undefined ? queryText(rest) : "");
  return fetch(base + path, {
    method: route.method,
    headers,
    redirect: "manual",
    ...(target.kind === "socket" && { unix: target.path }),
    ...(body !== undefined && { body }),
    ...(patience === undefined ? { timeout: false } : { signal: AbortSignal.timeout(patience) }),
  } as RequestInit);
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) params.append(key, String(one));
  }
  return params.size === 0 ? "" : `?${params.toString()}`;
}

async function readJson<T>(response: Response, target: Target): Promise<Result<T, ApiError>> {
  const value = await bodyOf(response);
  // Overall health answers 503 with its body: an answer, not an error. Errors always have the key `error`.
  if (value !== undefined && !hasError(value) && (response.ok || response.status === 503)) return ok(value as T);
  return err(errorOf(value, response, target));
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined; // not JSON or cut short; the caller says so with the status
  }
}

const hasError = (value: unknown): value is { error: ApiError } =>
  typeof value === "object" && value !== null && "error" in value && typeof value.error === "object" && value.error !== null;

function errorOf(value: unknown, response: Response, target: Target): ApiError {
  if (hasError(value)) {
    if (value.error.code === "unauthorized" && target.kind === "url" && !value.error.hint)
      return { ...value.error, hint: "give the token with --token or SUP_TOKEN; `sup token` on that machine prints it" };
    return value.error;
  }
  const message = `cannot understand the answer of ${placeOf(target)}: HTTP ${response.status} without the JSON of a sup daemon`;
  return { code: "internal", message, hint: "check that the address is that of a sup daemon of this version" };
}

const placeOf = (target: Target): string => (target.kind === "socket" ? target.path : target.url);

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
  ENAMETOOLONG: "the path of a unix socket may have 107 bytes at most",
  ENOTFOUND: "no such host",
  ERR_INVALID_URL: "not a URL",
  TIMEOUT: `no answer within ${READ_PATIENCE_MS / 1000} s`,
};

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
