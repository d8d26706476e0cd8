import type { Output, Parsed } from "../../contract/contract.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { RouteName } from "../../contract/routes.ts";
import type { Found, Sessions } from "../sessions.ts";
import type { Streams } from "../streams.ts";
import type { Supervisor } from "../supervisor.ts";

export interface Context {
  readonly supervisor: Supervisor;
  /** Wall clock time of the request in milliseconds. */
  readonly nowMs: number;
  readonly streams: Streams;
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal;
  /** The values of the headers `Accept` and `Last-Event-ID`, or empty strings if absent. */
  readonly accept: string;
  readonly lastEventId: string;
  /** The value of the header `If-Match`, or an empty string. */
  readonly ifMatch: string;
  openapi(): Promise<Record<string, unknown>>;
  readonly visitor: Visitor;
  endStreamsOf(session: string): void;
}

/** The session data of a request, for the handlers with which the page signs in and out. */
export interface Visitor {
  readonly sessions: Sessions;
  /** The value of the header `Cookie`, and the session that was found for it. */
  readonly cookies: string;
  readonly found: Found;
  /** The IP address of the client, or "" on the unix socket. */
  readonly address: string;
  /** False if no authentication is needed, which is the case on the unix socket and with `api.auth` none. */
  readonly needsSession: boolean;
  /** True if the browser sent the request over https. */
  readonly secure: boolean;
  readonly page: "on" | "off" | "read-only";
  readonly basePath: string;
}

/** The result of a handler: a value (with status 200 if `status` is absent), an error, or a stream. */
export type Answer<K extends RouteName> =
  | { readonly ok: true; readonly value: Readonly<Output<K>>; readonly status?: number }
  | { readonly ok: false; readonly error: ApiError }
  | Response;

export type Handler<K extends RouteName> = (input: Parsed<K>, context: Context) => Answer<K> | Promise<Answer<K>>;
