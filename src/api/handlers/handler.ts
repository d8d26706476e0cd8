import type { Output, Parsed } from "../contract.ts";
import type { ApiError } from "../errors.ts";
import type { RouteName } from "../routes.ts";
import type { Streams } from "../streams.ts";
import type { Supervisor } from "../supervisor.ts";

export interface Context {
  readonly supervisor: Supervisor;
  /** Wall clock in milliseconds. */
  readonly nowMs: number;
  readonly streams: Streams;
  /** The headers `Accept` and `Last-Event-ID`; empty when absent. */
  readonly accept: string;
  readonly lastEventId: string;
  openapi(): Record<string, unknown>;
}

/** A value (200 unless it says otherwise), an error, or a stream. */
export type Answer<K extends RouteName> =
  | { readonly ok: true; readonly value: Readonly<Output<K>>; readonly status?: number }
  | { readonly ok: false; readonly error: ApiError }
  | Response;

export type Handler<K extends RouteName> = (input: Parsed<K>, context: Context) => Answer<K> | Promise<Answer<K>>;
