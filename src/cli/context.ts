import { resolve } from "node:path";
import { createClient, type Client } from "../api/client/client.ts";
import type { Target } from "../api/client/send.ts";
import { ERRORS, type ApiError } from "../api/contract/errors.ts";
import { findPlaces, type Places } from "../spec/places.ts";
import type { Host } from "./host.ts";
import type { Options } from "./table/options.ts";
import { coloured, plain, wantsColour, type Paint } from "./render/paint.ts";
import { safe, safeJson } from "./render/safe.ts";
import type { Roles } from "./roles.ts";

/** What a command gets: its arguments, the daemon, and ways to speak. Colours and the terminal are looked at on first use. */
export interface Context {
  readonly host: Host;
  readonly roles: Roles;
  readonly version: string;
  readonly commit: string | null;
  readonly isMusl: boolean;
  readonly releases: string | null;
  readonly args: readonly string[];
  readonly options: Options;
  readonly places: Places;
  readonly client: Client;
  readonly paint: Paint;
  /** A line (or several) on standard output. The caller has made text of others safe. */
  out(text: string): void;
  /** The answer of a command with `--json`; on one line unless a person looks on. */
  json(value: unknown): void;
  /** A remark that is not the answer, on standard error. */
  note(text: string): void;
  /** Says an error, as JSON with `--json`; the exit code for it. */
  fail(error: ApiError): number;
}

/** A command: does its work and answers with the exit code. */
export type Run = (context: Context) => Promise<number>;

export function makeContext(
  given: Pick<Context, "host" | "roles" | "version" | "commit" | "isMusl" | "releases" | "args" | "options">,
): Context {
  const { host, options } = given;
  const speak = speaker(host, options);
  let client: Client | undefined;
  let paint: Paint | undefined;
  const places = findPlaces({ env: host.env, uid: host.uid, home: host.home, units: (options.units ?? []).map((dir) => resolve(dir)) });
  return {
    ...given,
    ...speak,
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

/** The ways to speak alone, for errors of usage, when there is no context yet. */
export function speaker(host: Host, options: Pick<Options, "json">): Pick<Context, "out" | "json" | "note" | "fail"> {
  const out = (text: string): void => host.write(1, `${text}\n`);
  const note = (text: string): void => host.write(2, `${text}\n`);
  const json = (value: unknown): void => out(safeJson(value));
  const fail = (error: ApiError): number => {
    if (options.json) json({ error });
    else note(`sup: ${safe(error.message)}${error.hint ? `\n  ${safe(error.hint)}` : ""}`);
    return ERRORS[error.code]?.exit ?? 1; // a newer daemon may know more codes
  };
  return { out, json, note, fail };
}

export function targetOf(host: Host, options: Options, places: Places): Target {
  const url = options.url ?? host.env.SUP_URL;
  if (!url) return { kind: "socket", path: places.socket };
  return { kind: "url", url, token: options.token ?? host.env.SUP_TOKEN };
}

/** It holds the lock of its state directory until its last moment. */
export const daemonLives = (host: Host, places: Places): boolean => host.isLocked(`${places.state}/lock`);
