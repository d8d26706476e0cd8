import { createGate, PREFLIGHT, type ApiSettings, type AccessGate } from "./access.ts";
import { errorAnswer, jsonAnswer, STREAM_HEADER } from "./answer.ts";
import { readJson } from "./body.ts";
import { isUnitId, stripSuffix } from "../../base/names.ts";
import type { ApiError } from "../contract/errors.ts";
import type { Answer, Context } from "./handlers/handler.ts";
import { handlers } from "./handlers/index.ts";
import { inputs } from "../contract/inputs.ts";
import { inputReader, type RawInput } from "../contract/input.ts";
import { createPage, type Page, type PageFile } from "./page.ts";
import { createRouter, type Match } from "./router.ts";
import { routes, type Access, type Route, type RouteName } from "../contract/routes.ts";
import { createSessions, type Found as FoundSession, type SessionOptions } from "./sessions.ts";
import { createStreams, type StreamLimits, type Streams } from "./streams.ts";
import { createTokenCheck } from "./token-check.ts";
import type { Result } from "../../base/result.ts";
import type { Supervisor } from "./supervisor.ts";

export interface AppOptions {
  readonly supervisor: Supervisor;
  readonly version: string;
  readonly token: string;
  readonly settings: ApiSettings;
  /** Returns the wall clock time in milliseconds. */
  readonly now: () => number;
  /** Called if a handler throws an exception, which is a bug. */
  readonly onError: (error: unknown, route: RouteName) => void;
  readonly streamLimits?: StreamLimits;
  readonly loadPage: () => Promise<readonly PageFile[]>;
  readonly sessionMemory: SessionOptions["memory"];
}

/** The kind of listener. Clients that can open the `unix` socket have full access. The rules of access.ts apply to `tcp`. */
export type Transport = "unix" | "tcp";

/** The idle timeout of TCP connections in seconds. It is suspended while a response is being prepared or streamed. */
export const IDLE_TIMEOUT_S = 30;

/** The part of Bun.serve that the app uses. */
export interface Connection {
  /** Sets the idle timeout of the connection, in seconds; 0 means none. */
  timeout(request: Request, seconds: number): void;
  requestIP(request: Request): { readonly address: string } | null;
}

export interface App {
  handle(request: Request, transport: Transport, connection?: Connection): Response | Promise<Response>;
  /** Ends the streams. Other requests in progress still get their response. */
  close(): void;
  readonly openStreams: number;
}

/** Creates the control API as a function from request to response. It needs no port and no process, so tests can call it directly. */
export function createApp(options: AppOptions): App {
  const check = createTokenCheck(options.token, options.now);
  const gate = createGate(options.settings, check);
  const match = createRouter(routes);
  const { supervisor, now, settings } = options;
  const sessions = createSessions({ token: options.token, check, basePath: settings.basePath, now, memory: options.sessionMemory });
  const streams = createStreams(options.streamLimits, sessions.isAlive);
  const page = settings.page === "off" ? null : createPage(options.loadPage, settings.basePath);
  let document: Promise<Record<string, unknown>> | undefined;
  // Loaded on demand, because the schemas of all answers take 4 MB of memory.
  const openapi = (): Promise<Record<string, unknown>> => (document ??= openapiOf(options));
  const contextOf = (request: Request, address: string, transport: Transport, found: FoundSession): Context => ({
    supervisor,
    nowMs: now(),
    streams: found.kind === "alive" ? ownedBy(found.key, streams) : streams,
    get signal() {
      return request.signal; // read only on demand, because it has a cost for each request
    },
    accept: request.headers.get("accept") ?? "",
    lastEventId: request.headers.get("last-event-id") ?? "",
    ifMatch: request.headers.get("if-match") ?? "",
    openapi,
    endStreamsOf: streams.endOf,
    visitor: {
      sessions,
      cookies: request.headers.get("cookie") ?? "",
      found,
      address,
      needsSession: transport === "tcp" && gate.needsToken,
      secure: (request.headers.get("origin") ?? "").startsWith("https:") || request.headers.get("x-forwarded-proto") === "https",
      page: settings.page,
      basePath: settings.basePath,
    },
  });
  const respond = (request: Request, transport: Transport, address: string): Response | Promise<Response> => {
    const { path, query } = partsOf(request.url, settings.basePath);
    const found = match(request.method, path);
    const session = sessionOf(request.headers, transport, sessions.find);
    const refusal = transport === "tcp" ? refuse(gate, request, address, { path, query }, found, session, page) : null;
    if (refusal) return refusal;
    if (found.kind === "route") return run(found, query, request, contextOf(request, address, transport, session), options.onError);
    if (found.kind === "none" && page?.claims(path)) return pageAnswer(page, request, path);
    return noRoute(request.method, path, found);
  };
  return {
    handle(request, transport, connection) {
      const address = transport === "tcp" ? (connection?.requestIP(request)?.address ?? "") : "";
      const answer = respond(request, transport, address);
      const cors = transport === "tcp" ? gate.corsFor(request.headers) : null;
      if (answer instanceof Promise) {
        connection?.timeout(request, 0); // a request may wait for a start, for as long as its start_timeout
        return answer.then((response) => {
          if (request.signal.aborted) void response.body?.cancel(); // the client has disconnected, so Bun would never cancel the body
          // The setting stays after the request, and a connection that is kept alive must not remain without a timeout.
          if (transport === "tcp" && !response.headers.has(STREAM_HEADER)) connection?.timeout(request, IDLE_TIMEOUT_S);
          return finish(response, request, cors);
        });
      }
      if (answer.headers.has(STREAM_HEADER)) connection?.timeout(request, 0);
      return finish(answer, request, cors);
    },
    close: streams.close,
    get openStreams() {
      return streams.size;
    },
  };
}

const openapiOf = async ({ version, settings }: AppOptions): Promise<Record<string, unknown>> =>
  (await import("../documents/openapi.ts")).openapiDocument(version, settings.basePath);

function finish(response: Response, request: Request, cors: Readonly<Record<string, string>> | null): Response {
  for (const [name, value] of Object.entries(cors ?? {})) response.headers.set(name, value);
  return request.method === "HEAD" ? headOf(response) : response;
}

/** Splits a URL into path and query. Bun.serve has normalised the URL already, and splitting the string is cheaper than parsing it again. */
function partsOf(url: string, basePath: string): { readonly path: string; readonly query: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const mark = url.indexOf("?", start);
  const path = mark < 0 ? url.slice(start) : url.slice(start, mark);
  const inside = basePath !== "" && (path === basePath || path.startsWith(`${basePath}/`));
  // A proxy may or may not remove the prefix. Requests on the unix socket have no prefix.
  return { path: inside ? path.slice(basePath.length) || "/" : path, query: mark < 0 ? "" : url.slice(mark + 1) };
}

const NO_SESSION: FoundSession = { kind: "none" };

/** Finds the session of a request. A session is used only if no token was sent. Requests on the unix socket need neither. */
const sessionOf = (headers: Headers, transport: Transport, find: (cookies: string) => FoundSession): FoundSession =>
  transport === "unix" || headers.has("authorization") ? NO_SESSION : find(headers.get("cookie") ?? "");

const ownedBy = (owner: string, streams: Streams): Streams => ({ ...streams, open: (options) => streams.open({ ...options, owner }) });

/**
 * Returns the response that refuses a request, or null if the request is allowed. Checks the site first, then preflights (which carry
 * no token), then token or session. The files of the page are public, because they contain no secrets.
 */
function refuse(
  gate: AccessGate,
  request: Request,
  address: string,
  { path, query }: ReturnType<typeof partsOf>,
  found: Match,
  session: FoundSession,
  page: Page | null,
): Response | null {
  const foreign = gate.checkSite(request.headers);
  if (foreign) return errorAnswer(foreign);
  if (request.method === "OPTIONS" && gate.corsFor(request.headers)) return new Response(null, { status: 204, headers: PREFLIGHT });
  if (path === "/" || (found.kind === "none" && page?.claims(path))) return null;
  const access = found.kind === "route" ? accessOf(found.route, query) : "read";
  const { headers } = request;
  const problem = session.kind === "none" ? gate.checkToken(access, headers, address) : gate.checkSession(access, headers, session);
  if (problem === null) return null;
  return errorAnswer(problem, problem.code === "too-many" ? { "retry-after": "60" } : { "www-authenticate": 'Bearer realm="sup"' });
}

/**
 * Returns the access that a request needs. A parameter counts even with the value `false`, because a client has no reason to
 * send `run=false`.
 */
function accessOf({ access, parameters }: Route, query: string): Access {
  const given = parameters && new URLSearchParams(query);
  return Object.entries(parameters ?? {}).find(([name]) => given?.has(name))?.[1] ?? access;
}

function pageAnswer(page: Page, request: Request, path: string): Response | Promise<Response> {
  if (request.method === "GET" || request.method === "HEAD") return page.answer(path, request.headers);
  return noRoute(request.method, path, { kind: "method", allow: "GET, HEAD" });
}

function noRoute(method: string, path: string, found: Exclude<Match, { kind: "route" }>): Response {
  if (found.kind === "bad") return errorAnswer({ code: "bad-request", message: found.message });
  if (found.kind === "method") {
    const message = `cannot ${method.slice(0, 20)} ${shown(path)}: it allows ${found.allow}`;
    return errorAnswer({ code: "method-not-allowed", message }, { allow: found.allow });
  }
  const message = `there is nothing at ${shown(path)}`;
  const hint = path === "/" ? "try /api/supervisor/status; over TCP it needs the token that `sup token` prints" : found.hint;
  return errorAnswer({ code: "not-found", message, hint: hint ?? "see /openapi.json" });
}

const shown = (path: string): string => (path.length > 200 ? `${path.slice(0, 200)}...` : path);

type Found = Extract<Match, { kind: "route" }>;

function run(
  found: Found,
  query: string,
  request: Request,
  context: Context,
  onError: AppOptions["onError"],
): Response | Promise<Response> {
  const fail = (error: unknown): Response => {
    onError(error, found.name);
    const message = `cannot answer ${found.route.method} ${found.route.path}: a bug in sup`;
    return errorAnswer({ code: "internal", message, hint: "see the daemon's own log, sup.log" });
  };
  const call = (body: unknown): Response | Promise<Response> => {
    const answer = dispatch(found, { id: found.id, query: new URLSearchParams(query), body }, context);
    return answer instanceof Promise ? answer.then(render).catch(fail) : render(answer);
  };
  try {
    if (found.route.method === "GET") return call(undefined);
    return readJson(request)
      .then((body) => (body.ok ? call(body.value) : errorAnswer(body.error)))
      .catch(fail);
  } catch (error) {
    return fail(error);
  }
}

type AnyAnswer = Answer<RouteName>;
type Row = (raw: RawInput, context: Context) => AnyAnswer | Promise<AnyAnswer>;

/** The input reader and the handler of each route. They are combined here, where the compiler can still check that their types match. */
const table = Object.fromEntries(Object.keys(routes).map((name) => [name, rowOf(name as RouteName)])) as Record<RouteName, Row>;

function rowOf<K extends RouteName>(name: K): Row {
  let read: ReturnType<typeof inputReader> | undefined;
  const handler = handlers[name] as (input: unknown, context: Context) => AnyAnswer | Promise<AnyAnswer>;
  return (raw, context) => {
    const input: Result<unknown, ApiError> = (read ??= inputReader(inputs[name]()))(raw);
    return input.ok ? handler(input.value, context) : { ok: false, error: input.error };
  };
}

function dispatch(found: Found, raw: RawInput, context: Context): AnyAnswer | Promise<AnyAnswer> {
  if (raw.id === null) return table[found.name](raw, context);
  const id = stripSuffix(raw.id);
  if (isUnitId(id)) return table[found.name]({ ...raw, id }, context);
  const message = `there is no unit ${JSON.stringify(raw.id.slice(0, 139))}: that is no unit name`;
  return { ok: false, error: { code: "no-such-unit", message, hint: "globs and @groups go to POST /api/supervisor/jobs" } };
}

function render(answer: AnyAnswer): Response {
  if (answer instanceof Response) return answer;
  return answer.ok ? jsonAnswer(answer.value, answer.status) : errorAnswer(answer.error);
}

/** Returns the response without its body, for HEAD. Cancels a stream that was opened for the response. */
function headOf(response: Response): Response {
  response.body?.cancel().catch(() => {}); // a string body has nothing to cancel
  return new Response(null, { status: response.status, headers: response.headers });
}
