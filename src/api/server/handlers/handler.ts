import type { Output, Parsed } from "../../contract/contract.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { RouteName } from "../../contract/routes.ts";
import type { Found, Sessions } from "../sessions.ts";
import type { Streams } from "../streams.ts";
import type { Supervisor } from "../supervisor.ts";

export interface Context {
  readonly supervisor: Supervisor;
  /** Wall clock in milliseconds. */
  readonly nowMs: number;
  readonly streams: Streams;
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal;
  /** The headers `Accept` and `Last-Event-ID`; empty strings when absent. */
  readonly accept: string;
  readonly lastEventId: string;
  openapi(): Record<string, unknown>;
  readonly visitor: Visitor;
  endStreamsOf(session: string): void;
}

/** The session of the request, if it comes from the page. */
export interface Visitor {
  readonly sessions: Sessions;
  /** The header `Cookie`, and the session it belongs to. */
  readonly cookies: string;
  readonly found: Found;
  /** False where no authentication is needed: on the unix socket, and with `api.auth` none. */
  readonly needsSession: boolean;
  /** The browser sent the request over https. */
  readonly secure: boolean;
  readonly page: "on" | "off" | "read-only";
  readonly basePath: string;
}

/** A value (with status 200 unless given), an error, or a stream. */
export type Answer<K extends RouteName> =
  | { readonly ok: true; readonly value: Readonly<Output<K>>; readonly status?: number }
  | { readonly ok: false; readonly error: ApiError }
  | Response;

export type Handler<K extends RouteName> = (input: Parsed<K>, context: Context) => Answer<K> | Promise<Answer<K>>;
