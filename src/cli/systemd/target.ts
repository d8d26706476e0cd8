import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { findPlaces, type Places } from "../../spec/places.ts";
import type { Context } from "../context.ts";
import type { CommandResult } from "../../linux/self/systemd.ts";
import { SERVICE, type Scope } from "./unit-file.ts";

/** The systemd service to work on, and the access to the systemd manager that runs it. */
export interface Target {
  readonly scope: Scope;
  readonly user: string;
  readonly unitFile: string;
  /** The directories of the daemon that the service runs. */
  readonly places: Places;
  /** The environment for programs that communicate with the manager. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns a command line for systemctl, such as `["systemctl", "--user", …]`. */
  systemctl(...args: readonly string[]): readonly string[];
  ask(command: readonly string[]): Promise<CommandResult>;
}

/** Root manages the system service. All other users manage their own user service. */
export function findTarget(context: Context): Result<Target, ApiError> {
  const { host, options } = context;
  if (options.ofUser && options.ofSystem) return err({ code: "bad-request", message: "--user and --system cannot be combined" });
  if (options.ofSystem && host.uid !== 0)
    return err({ code: "forbidden", message: "the system service requires root", hint: "`sudo sup install-service --system`; without --system, sup installs your user service" }); // prettier-ignore
  if (options.ofUser && host.uid === 0)
    return err({ code: "bad-request", message: "root has no user service: its daemon is the system's", hint: "run this as the user, or with --system" }); // prettier-ignore
  return ok(targetOf(context));
}

export function targetOf({ host, places, options }: Context): Target {
  const scope = host.uid === 0 ? "system" : "user";
  const runtime = host.runtimeDirectory(host.uid);
  // systemctl and sup need XDG_RUNTIME_DIR to find the user's manager and daemon, but su and sudo do not set it.
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

/**
 * Returns the unit file that systemd uses. This is the file that `install-service` writes, or else one from a package. Returns
 * null if there is none.
 */
export function readUnitFile(target: Target): { readonly path: string; readonly text: string } | null {
  const packaged = target.scope === "system" ? ["/lib/systemd/system", "/usr/lib/systemd/system"] : ["/usr/lib/systemd/user"];
  for (const path of [target.unitFile, ...packaged.map((directory) => `${directory}/${SERVICE}`)]) {
    const text = readOrNull(path);
    if (text !== null) return { path, text };
  }
  return null;
}

/** Queries the service's properties from systemd. Returns null if systemd does not answer. */
export async function queryService(target: Target): Promise<Readonly<Record<string, string>> | null> {
  const result = await target.ask(
    target.systemctl("show", SERVICE, "--property=ActiveState,SubState,MainPID,NRestarts,UnitFileState,NeedDaemonReload"),
  );
  if (result.code !== 0) return null;
  return Object.fromEntries(result.stdout.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** The information that `install-service` records for `uninstall-service`. */
export interface ServiceRecord {
  readonly unit_file: string;
  /** True if sup enabled lingering. Uninstalling then disables it again. */
  readonly lingering: boolean;
}

export const recordPath = ({ places }: Target): string => `${places.state}/service.json`;

export function readRecord(target: Target): ServiceRecord | null {
  const text = readOrNull(recordPath(target));
  try {
    return text === null ? null : (JSON.parse(text) as ServiceRecord);
  } catch {
    return null; // sup did not write the file or it is truncated, so treat it as missing
  }
}

/** Returns why a service must not (`refuse`) or should not run the program from this path. Returns null if the path is suitable. */
export function unstableLocation(program: string, compiled: boolean): { readonly refuse: boolean; readonly words: string } | null {
  if (!compiled) return { refuse: true, words: "this sup runs from source; build and install it first" };
  const temporary = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/"].find((prefix) => program.startsWith(prefix));
  if (temporary) return { refuse: true, words: `${program} may disappear: ${temporary.slice(0, -1)} is a temporary directory` };
  if (existsSync(`${dirname(dirname(program))}/src/main.ts`))
    return { refuse: false, words: `${program} is a build in a source checkout; the service breaks if it is moved or removed` };
  return null;
}

export function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
