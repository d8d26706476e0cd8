import { resolve } from "node:path";
import { createClient, type Client } from "../api/client/client.ts";
import type { Target } from "../api/client/send.ts";
import { ERRORS, EXIT, type ApiError } from "../api/contract/errors.ts";
import { findPlaces, type Places } from "../spec/places.ts";
import type { Host } from "./host.ts";
import { coloured, plain, wantsColour, type Paint } from "./render/paint.ts";
import { safe, safeJson } from "./render/safe.ts";
import type { Roles } from "./roles.ts";
import type { CommandRow } from "./table/command-row.ts";
import type { Options } from "./table/options.ts";

/**
 * Everything that a command needs, such as its arguments, a client for the daemon, and functions to print. `client` and `paint`
 * are created on first use.
 */
export interface Context {
  readonly host: Host;
  readonly roles: Roles;
  readonly version: string;
  readonly commit: string | null;
  readonly isMusl: boolean;
  readonly releases: string | null;
  readonly args: readonly string[];
  readonly options: Options;
  /** The table of all commands, which completion needs. */
  readonly commands: readonly CommandRow[];
  readonly places: Places;
  readonly client: Client;
  readonly paint: Paint;
  /** Prints a text of one or more lines on standard output. The caller must pass text from other programs through `safe` first. */
  out(text: string): void;
  /** Prints the result of a command with `--json` as one line. */
  json(value: unknown): void;
  /** Prints a message that is not part of the result on standard error. */
  note(text: string): void;
  /** Prints an error (as JSON with `--json`) and returns its exit code. */
  fail(error: ApiError): number;
}

/** Runs a command and returns the exit code. */
export type Run = (context: Context) => Promise<number>;

export function makeContext(
  given: Pick<Context, "host" | "roles" | "version" | "commit" | "isMusl" | "releases" | "args" | "options" | "commands">,
): Context {
  const { host, options } = given;
  let client: Client | undefined;
  let paint: Paint | undefined;
  const places = findPlaces({ env: host.env, uid: host.uid, home: host.home, units: (options.units ?? []).map((dir) => resolve(dir)) });
  return {
    ...given,
    ...makeOutput(host, options),
    places,
    get client() {
      return (client ??= createClient(targetOf(host, options, places), {
        daemonLives: () => daemonLives(host, places),
        sleep: host.sleep,
      }));
    },
    get paint() {
      return (paint ??= wantsColour(host, options.color) ? coloured : plain);
    },
  };
}

/** Creates the functions that print. They work without a context, because usage errors occur before the context exists. */
export function makeOutput(host: Host, options: Pick<Options, "json">): Pick<Context, "out" | "json" | "note" | "fail"> {
  const out = (text: string): void => host.write(1, `${text}\n`);
  const note = (text: string): void => host.write(2, `${text}\n`);
  const json = (value: unknown): void => out(safeJson(value));
  const fail = (error: ApiError): number => {
    if (options.json) json({ error });
    else note(`sup: ${safe(error.message)}${error.hint ? `\n  ${safe(error.hint)}` : ""}`);
    return ERRORS[error.code]?.exit ?? 1; // a newer daemon may use error codes that this version does not know
  };
  return { out, json, note, fail };
}

/**
 * Prints an error whose message quotes lines of a log, and returns the exit code. Unlike the context's `fail`, it keeps the line
 * breaks of the message.
 */
export function failWithLines(context: Context, message: string, hint: string): number {
  if (context.options.json) return context.fail({ code: "failed", message, hint });
  context.note(`sup: ${message.split("\n").map(safe).join("\n")}\n  ${safe(hint)}`);
  return EXIT.failed;
}

export function targetOf(host: Host, options: Options, places: Places): Target {
  const url = options.url ?? host.env.SUP_URL;
  if (!url) return { kind: "socket", path: places.socket };
  return { kind: "url", url, token: options.token ?? host.env.SUP_TOKEN };
}

/** Returns true if a daemon runs. A daemon holds the lock of its state directory as long as it runs. */
export const daemonLives = (host: Host, places: Places): boolean => host.isLocked(`${places.state}/lock`);
