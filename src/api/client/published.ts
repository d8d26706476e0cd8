import { findPlaces } from "../../spec/places.ts";
import type { Input, Output } from "../contract/contract.ts";
import type { ApiError, ErrorCode } from "../contract/errors.ts";
import type { RouteName } from "../contract/routes.ts";
import { createClient } from "./client.ts";
import type { Target } from "./send.ts";
import { socketFetch } from "./socket-fetch.ts";
import type { EventMessage, LineMessage } from "./streams.ts";

/**
 * The client that a release contains as `sup-client.js`, for scripts on Node.js or Bun. `api/documents/client-types.ts` writes its
 * types. It differs from the client inside sup in two ways: it throws errors, and it finds the daemon by itself.
 */
export interface ConnectOptions {
  /** Path of the daemon's socket. By default it is the socket that `sup` uses: it depends on SUP_HOME and the user. */
  readonly socket?: string | undefined;
  /** Address of a daemon, such as http://127.0.0.1:7870, instead of a socket. By default SUP_URL. */
  readonly url?: string | undefined;
  /** The token that `sup token` prints. By default SUP_TOKEN. */
  readonly token?: string | undefined;
}

/** The routes whose answer is JSON. */
export type CallName = Exclude<RouteName, "prometheus" | "eventStream" | "attach">;
type Given<Name extends CallName> = Record<string, never> extends Input<Name> ? [input?: Input<Name>] : [input: Input<Name>];

export interface Sup {
  call<Name extends CallName>(name: Name, ...input: Given<Name>): Promise<Output<Name>>;
  outcome(job: string): Promise<Output<"job">>;
  logs(input: Input<"serviceLogs">): AsyncGenerator<LineMessage, void, undefined>;
  events(): AsyncGenerator<EventMessage, void, undefined>;
}

export class SupError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor({ code, message, hint }: ApiError) {
    super(message);
    this.name = "SupError";
    this.code = code;
    this.hint = hint ?? null;
  }
}

export function connect(options: ConnectOptions = {}): Sup {
  const target = targetOf(options);
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const send = target.kind === "socket" ? { fetch: socketFetch(target.path) } : {};
  const client = createClient(target, { daemonLives: () => false, sleep, ...send });
  return {
    call: async (name, ...input) => valueOf(await client.call(name, ...(input as never))) as never,
    outcome: async (job) => valueOf(await client.outcome(job)),
    async *logs(input) {
      for await (const message of client.follow(input)) yield valueOf(message);
    },
    async *events() {
      for await (const message of client.events()) yield valueOf(message);
    },
  };
}

function targetOf({ socket, url = process.env.SUP_URL, token = process.env.SUP_TOKEN }: ConnectOptions): Target {
  if (socket === undefined && url !== undefined && url !== "") return { kind: "url", url, token };
  return { kind: "socket", path: socket ?? findPlaces({ env: process.env, uid: process.getuid?.() ?? 0 }).socket };
}

function valueOf<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError }): T {
  if (!result.ok) throw new SupError(result.error);
  return result.value;
}
