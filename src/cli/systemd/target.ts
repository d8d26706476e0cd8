import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { findPlaces, type Places } from "../../spec/places.ts";
import type { Context } from "../context.ts";
import type { CommandResult } from "../../linux/self/systemd.ts";
import { SERVICE, type Scope } from "./unit-file.ts";

/** The systemd service that is meant, and how to talk to the manager that runs it. */
export interface Target {
  readonly scope: Scope;
  readonly user: string;
  readonly unitFile: string;
  /** Of the daemon that the service runs. */
  readonly places: Places;
  /** For programs that talk to the manager. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `["systemctl", "--user", …]` */
  systemctl(...args: readonly string[]): readonly string[];
  ask(command: readonly string[]): Promise<CommandResult>;
}

/** Root has the system's service, everybody else one of their own. */
export function findTarget(context: Context): Result<Target, ApiError> {
  const { host, options } = context;
  if (options.ofUser && options.ofSystem) return err({ code: "bad-request", message: "--user and --system exclude each other" });
  if (options.ofSystem && host.uid !== 0)
    return err({ code: "forbidden", message: "the service of the system takes root", hint: "`sudo sup install-service --system`; without --system it is your own" }); // prettier-ignore
  if (options.ofUser && host.uid === 0)
    return err({ code: "bad-request", message: "root's daemon is that of the system, and has no service of a user", hint: "run it as the user, or with --system" }); // prettier-ignore
  return ok(targetOf(context));
}

export function targetOf({ host, places, options }: Context): Target {
  const scope = host.uid === 0 ? "system" : "user";
  const runtime = host.runtimeDirectory(host.uid);
  // What su and sudo leave out, a login has: without it neither systemctl nor sup find what is there.
  const env = scope === "user" && !host.env.XDG_RUNTIME_DIR ? { ...host.env, XDG_RUNTIME_DIR: runtime } : host.env;
  const config = host.env.XDG_CONFIG_HOME?.startsWith("/") ? host.env.XDG_CONFIG_HOME : `${host.home}/.config`;
  return {
    scope,
    user: host.userName(),
    unitFile: scope === "system" ? `/etc/systemd/system/${SERVICE}` : `${config}/systemd/user/${SERVICE}`,
    places: findPlaces({ env, uid: host.uid, home: host.home, units: options.units ? places.unitPath : [] }),
    env,
    systemctl: (...args) => ["systemctl", ...(scope === "user" ? ["--user"] : []), ...args],
    ask: (command) => host.ask(command, env),
  };
}

/** The unit file where systemd would find it: the one that `install-service` writes, or one that a package brought. */
export function readUnitFile(target: Target): { readonly path: string; readonly text: string } | null {
  const packaged = target.scope === "system" ? ["/lib/systemd/system", "/usr/lib/systemd/system"] : ["/usr/lib/systemd/user"];
  for (const path of [target.unitFile, ...packaged.map((directory) => `${directory}/${SERVICE}`)]) {
    const text = readOrNull(path);
    if (text !== null) return { path, text };
  }
  return null;
}

/** What systemd knows of the service; null when it cannot be asked. */
export async function askService(target: Target): Promise<Readonly<Record<string, string>> | null> {
  const said = await target.ask(
    target.systemctl("show", SERVICE, "--property=ActiveState,SubState,MainPID,NRestarts,UnitFileState,NeedDaemonReload"),
  );
  if (said.code !== 0) return null;
  return Object.fromEntries(said.stdout.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** What `install-service` has to remember for `uninstall-service`. */
export interface ServiceRecord {
  readonly unit_file: string;
  /** It was off before, and sup switched it on. */
  readonly lingering: boolean;
}

export const recordPath = ({ places }: Target): string => `${places.state}/service.json`;

export function readRecord(target: Target): ServiceRecord | null {
  const text = readOrNull(recordPath(target));
  try {
    return text === null ? null : (JSON.parse(text) as ServiceRecord);
  } catch {
    return null; // not ours, or cut short: as if nothing were known
  }
}

/** Where the program would not stay: a temporary place, a build, or the sources. Null where it may. */
export function unsteady(program: string, compiled: boolean): { readonly refuse: boolean; readonly words: string } | null {
  if (!compiled) return { refuse: true, words: "sup runs from its sources here; build and install it first" };
  const temporary = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/"].find((prefix) => program.startsWith(prefix));
  if (temporary) return { refuse: true, words: `${program} will not stay: ${temporary.slice(0, -1)} is a temporary place` };
  if (existsSync(`${dirname(dirname(program))}/src/main.ts`))
    return { refuse: false, words: `${program} is a build in a source checkout; the service ends when it is moved or removed` };
  return null;
}

export function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
