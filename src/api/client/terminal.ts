import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import type { TerminalMessage } from "../contract/shapes.ts";
import type { RouteName } from "../contract/routes.ts";
import { COMEBACK_MS, COMEBACK_STEP_MS } from "./comeback.ts";
import type { Send } from "./send.ts";
import { textLines } from "./streams.ts";

/** `waits` means that the daemon is gone, and that the client waits this many seconds for it to come back. */
export type TerminalPart = TerminalMessage | { readonly waits: number };

/** The route and the input of the first request, and the request with which the client attaches again after a break. */
export interface TerminalRequests {
  readonly first: { readonly route: RouteName; readonly input: Readonly<Record<string, unknown>> };
  readonly attach: Readonly<Record<string, unknown>>;
}

/**
 * Yields what happens at the terminal of a unit until its run has ended. Attaches again if the daemon re-executes itself or is
 * restarted after a crash, because the terminal outlives the daemon.
 */
export async function* openTerminal(
  send: Send,
  { first, attach }: TerminalRequests,
  readError: (response: Response) => Promise<ApiError>,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<Result<TerminalPart, ApiError>> {
  let request = first;
  let again: Readonly<Record<string, unknown>> = attach;
  for (let isFirst = true; ; isFirst = false) {
    const attempt = (): ReturnType<Send> => send(request.route, { input: request.input });
    let answer = await attempt();
    if (!isFirst && isUnreachable(answer)) yield ok({ waits: COMEBACK_MS / 1000 });
    for (let waited = 0; !isFirst && isUnreachable(answer) && waited < COMEBACK_MS; waited += COMEBACK_STEP_MS) {
      await sleep(COMEBACK_STEP_MS);
      answer = await attempt();
    }
    if (!answer.ok) return yield answer;
    if (!answer.value.ok || !answer.value.body) return yield err(await readError(answer.value));
    for await (const text of textLines(answer.value.body)) {
      if (text === "") continue; // keep-alive
      const message = JSON.parse(text) as TerminalMessage;
      if ("id" in message) again = { ...attach, id: message.id };
      // Of several clients that attach again, the one that has typed goes on typing.
      if ("types" in message) again = { ...again, take: message.types };
      yield ok(message);
      if ("end" in message || ("ended" in message && first.route === "attach")) return;
    }
    request = { route: "attach", input: again };
    await sleep(COMEBACK_STEP_MS);
  }
}

const isUnreachable = (answer: Awaited<ReturnType<Send>>): boolean => !answer.ok && answer.error.code === "unreachable";
