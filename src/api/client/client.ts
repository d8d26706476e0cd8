import { err, ok, type Result } from "../../base/result.ts";
import type { Input, Output } from "../contract/contract.ts";
import type { ApiError } from "../contract/errors.ts";
import { routes, type RouteName } from "../contract/routes.ts";
import { createSend, placeOf, READ_TIMEOUT_MS, type Hooks, type Target } from "./send.ts";
import { untilAnswered } from "./comeback.ts";
import { openTerminal, type TerminalPart } from "./terminal.ts";
import { openEvents, openLines, openRun, type EventMessage, type LineMessage, type RunMessage } from "./streams.ts";

/**
 * The typed client of the control API, over the unix socket or over TCP with a token. It imports the shapes as types only,
 * so that a command that uses it starts without a schema library. Client and server are built from the same contract.
 */
export interface Client {
  /** `input` is flat, as in the contract: the `:id` of the path, and the query (GET) or the keys of the body (POST). */
  call<Name extends RouteName>(name: Name, ...input: Given<Name>): Promise<Result<Output<Name>, ApiError>>;
  /** Waits for the end of a job. If the connection breaks and the next daemon starts in time, the client asks that daemon. */
  outcome(job: string): Promise<Result<Output<"job">, ApiError>>;
  /**
   * Yields the existing log lines, and then new lines as they arrive, until the daemon ends or the caller stops iterating. Aborting the
   * signal closes the connection at once, while a caller that stops iterating closes it with the next line.
   */
  follow(input: Input<"serviceLogs">, signal?: AbortSignal): AsyncGenerator<Result<LineMessage, ApiError>>;
  /**
   * Runs a transient unit. Yields the unit's id, its lines, and how it ended. Never reconnects, because the next daemon does not have
   * this subscription.
   */
  followRun(input: Omit<Input<"run">, "follow">): AsyncGenerator<Result<RunMessage, ApiError>>;
  /** Attaches to the terminal of a unit. Attaches again if the daemon comes back within the retry time. */
  attach(input: Input<"attach">): AsyncGenerator<Result<TerminalPart, ApiError>>;
  /** Runs a transient unit with `tty` and attaches to its terminal. */
  attachRun(
    input: Omit<Input<"run">, "follow" | "attach">,
    attach: Omit<Input<"attach">, "id">,
  ): AsyncGenerator<Result<TerminalPart, ApiError>>;
  /** Yields the messages of the event stream. Reconnects with Last-Event-ID if the daemon comes back within the retry time. */
  events(): AsyncGenerator<Result<EventMessage, ApiError>>;
}

/** The input may be omitted where the contract needs none. */
type Given<Name extends RouteName> = Record<string, never> extends Input<Name> ? [input?: Input<Name>] : [input: Input<Name>];

export function createClient(target: Target, hooks: Hooks): Client {
  const send = createSend(target, hooks);
  const readError = async (response: Response): Promise<ApiError> => errorOf(await bodyOf(response), response, target);
  return {
    async call<Name extends RouteName>(name: Name, ...[input]: Given<Name>) {
      // Actions may take as long as the unit's own timeouts, and so may a probe that is run now. A read must answer soon.
      const reads = routes[name].method === "GET" && !(input && "run" in input && input.run);
      const limit = reads ? { timeoutMs: READ_TIMEOUT_MS } : {};
      const answer = await send(name, { ...(input && { input: input as Record<string, unknown> }), ...limit });
      return answer.ok ? readJson<Output<Name>>(answer.value, target) : answer;
    },
    async outcome(job) {
      const answer = await untilAnswered(() => send("job", { input: { id: job, wait: true } }), hooks.sleep);
      return answer.ok ? readJson<Output<"job">>(answer.value, target) : answer;
    },
    follow: (input, signal) => openLines(send, { ...input, follow: true }, readError, hooks.sleep, signal),
    followRun: (input) => openRun(send, { ...input, follow: true }, readError),
    attach: (input) => openTerminal(send, { first: { route: "attach", input }, attach: input }, readError, hooks.sleep),
    attachRun: (input, attach) =>
      openTerminal(send, { first: { route: "run", input: { ...input, follow: true, attach } }, attach }, readError, hooks.sleep),
    events: () => openEvents(send, readError, hooks.sleep),
  };
}

async function readJson<T>(response: Response, target: Target): Promise<Result<T, ApiError>> {
  const value = await bodyOf(response);
  // The overall health may have the status 503 with an ordinary body, which is an answer and not an error. Errors always have the key
  // `error`.
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
