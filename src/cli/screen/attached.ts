import type { Client } from "../../api/client/client.ts";
import type { TerminalPart } from "../../api/client/terminal.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { RunEnd } from "../../api/contract/shapes.ts";
import { MAX_TYPED_BYTES } from "../../api/contract/limits.ts";
import type { Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import type { Host } from "../host.ts";
import { safe } from "../render/safe.ts";
import { detachKeys } from "./detach-keys.ts";
import { ScreenModes } from "./modes.ts";

/** How the client left the terminal. `signal` means that this process was asked to end. */
export type Left =
  | { readonly how: "detached" | "signal" | "ended"; readonly id: string }
  | { readonly how: "end"; readonly end: RunEnd }
  | { readonly how: "failed"; readonly error: ApiError };

/**
 * Connects this terminal to that of a unit. Puts this terminal into raw mode and restores it, whatever happens. If `watch` is set,
 * nothing is typed and the mode stays.
 */
export async function showTerminal(
  context: Context,
  parts: AsyncGenerator<Result<TerminalPart, ApiError>>,
  { id, watch }: { readonly id: string; readonly watch: boolean },
): Promise<Left> {
  const { host } = context;
  const screen = new Screen(context, id, watch);
  const { promise: quit, resolve: end } = Promise.withResolvers<Left>();
  const stops = [host.ending(() => end({ how: "signal", id: screen.id })), host.onResize(() => screen.resize())];
  const onKeys = (bytes: Uint8Array): void => {
    if (screen.key(bytes)) end({ how: "detached", id: screen.id });
  };
  if (!watch) {
    const restore = await host.rawInput(onKeys);
    stops.push(restore, host.atExit(restore));
  }
  try {
    return await Promise.race([quit, followParts(parts, screen)]);
  } finally {
    for (const stop of stops) stop();
    screen.leave();
    void parts.return(undefined);
  }
}

async function followParts(parts: AsyncGenerator<Result<TerminalPart, ApiError>>, screen: Screen): Promise<Left> {
  for await (const part of parts) {
    if (!part.ok) return { how: "failed", error: part.error };
    const { value } = part;
    if ("end" in value) return { how: "end", end: value.end };
    screen.take(value);
  }
  return { how: "ended", id: screen.id };
}

/** The size of this terminal for a request. */
export function sizeOf(host: Pick<Host, "columns" | "rows">): { readonly columns?: number; readonly rows?: number } {
  const [columns, rows] = [host.columns(), host.rows()];
  return columns === undefined || rows === undefined || columns < 1 || rows < 1 ? {} : { columns, rows };
}

/** What other clients call this one, such as "ann on pts/3". */
export const clientName = (host: Pick<Host, "userName" | "terminalName">): string => {
  const terminal = host.terminalName();
  return (terminal === null ? host.userName() : `${host.userName()} on ${terminal}`).slice(0, 100);
};

class Screen {
  /** The id of the unit. That of a transient unit is known after its first message. */
  id: string;
  readonly #host: Host;
  readonly #client: Client;
  readonly #watch: boolean;
  readonly #modes = new ScreenModes();
  readonly #keys = detachKeys();
  #session = "";
  #types: boolean | null = null;
  /** Bytes that were typed and not sent yet. */
  #typed: Uint8Array[] = [];
  #isSending = false;

  constructor({ host, client }: Context, id: string, watch: boolean) {
    this.#host = host;
    this.#client = client;
    this.id = id;
    this.#watch = watch;
  }

  /** Returns true if the keys are those that detach. */
  key(bytes: Uint8Array): boolean {
    const { typed, detaches } = this.#keys(bytes);
    if (typed.length > 0 && this.#types === false) this.#host.write(2, "\x07");
    else if (typed.length > 0) this.#typed.push(typed);
    void this.#send();
    return detaches;
  }

  resize(): void {
    if (this.#session === "") return;
    void this.#client.call("attachInput", { id: this.id, session: this.#session, ...sizeOf(this.#host) });
  }

  take(part: TerminalPart): void {
    if ("output" in part) {
      const bytes = Buffer.from(part.output, "base64");
      this.#modes.feed(bytes);
      this.#host.writeBytes(bytes);
    } else if ("id" in part) this.id = part.id;
    else if ("gap" in part) this.#say(`this client was too slow and missed ${part.gap} bytes`);
    else if ("waits" in part) this.#say(`the daemon is gone; waiting ${part.waits} s for it to come back`);
    else if ("session" in part) this.#typing(part);
  }

  leave(): void {
    if (!this.#watch) this.#host.write(1, this.#modes.undo());
  }

  #typing({ session, types, typist }: Extract<TerminalPart, { session: string }>): void {
    const isNew = session !== this.#session;
    this.#session = session;
    if (!isNew && this.#types === types) return;
    if (types && this.#types === false) this.#say("you type now");
    else if (!types && !this.#watch && typist !== null)
      this.#say(`${safe(typist)} types here, and you only look; \`sup attach --take ${safe(this.id)}\` types instead`);
    this.#types = types;
    if (types) this.resize();
    void this.#send();
  }

  /** Sends what was typed, one request at a time, so that the order stays. */
  async #send(): Promise<void> {
    if (this.#isSending || this.#session === "") return;
    this.#isSending = true;
    while (this.#typed.length > 0) {
      const all = Buffer.concat(this.#typed.splice(0));
      const now = all.subarray(0, MAX_TYPED_BYTES);
      if (all.length > now.length) this.#typed.unshift(all.subarray(now.length));
      const answer = await this.#client.call("attachInput", { id: this.id, session: this.#session, data: now.toString("base64") });
      if (!answer.ok) this.#host.write(2, "\x07"); // another client types, the program does not read, or the daemon is gone
    }
    this.#isSending = false;
  }

  /** Prints a message of sup itself. In raw mode a line feed alone does not return to the first column. */
  #say(text: string): void {
    this.#host.write(2, `\r\nsup: ${text}\r\n`);
  }
}
