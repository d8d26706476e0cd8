/** Determines the directories and files that sup uses. The functions are pure; the environment and the user are arguments. */

export interface Places {
  readonly mode: "system" | "user" | "portable";
  /** The directories with unit files. If two of them define the same unit, the earlier directory wins. */
  readonly unitPath: readonly string[];
  readonly settings: string;
  readonly state: string;
  readonly logs: string;
  readonly runtime: string;
  readonly socket: string;
  readonly token: string;
}

export const SYSTEM_UNITS = "/etc/sup/units";
export const SYSTEM_SOCKET = "/run/sup/sup.sock";

export interface PlacesInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** The home directory from the user database, which is used if HOME is not set. */
  readonly home?: string;
  /** The directories given with `--units`, in order. If there are any, they replace the unit path. */
  readonly units?: readonly string[];
}

/**
 * Returns the directories of this daemon. If `SUP_HOME` is set, they are all below it. Otherwise root gets system mode, and
 * other users get user mode (XDG base directories).
 */
export function findPlaces({ env, uid, home = env.HOME ?? "/", units = [] }: PlacesInput): Places {
  const chosen = units.length > 0 ? units : (env.SUP_UNITS ?? "").split(":").filter(Boolean);
  const unitPath = (standard: string[]): string[] => (chosen.length > 0 ? [...chosen] : standard);
  const portable = env.SUP_HOME;
  if (portable) {
    return assemble(
      "portable",
      unitPath([`${portable}/units`]),
      `${portable}/sup.json`,
      `${portable}/state`,
      `${portable}/logs`,
      `${portable}/run`,
    );
  }
  if (uid === 0) {
    return assemble("system", unitPath([SYSTEM_UNITS]), "/etc/sup/sup.json", "/var/lib/sup", "/var/log/sup", "/run/sup");
  }
  const config = xdg(env.XDG_CONFIG_HOME, `${home}/.config`);
  const state = `${xdg(env.XDG_STATE_HOME, `${home}/.local/state`)}/sup`;
  const runtime = isAbsolute(env.XDG_RUNTIME_DIR) ? `${env.XDG_RUNTIME_DIR}/sup` : `${state}/run`;
  return assemble("user", unitPath([`${config}/sup/units`, SYSTEM_UNITS]), `${config}/sup/sup.json`, state, `${state}/logs`, runtime);
}

function assemble(mode: Places["mode"], unitPath: string[], settings: string, state: string, logs: string, runtime: string): Places {
  return { mode, unitPath, settings, state, logs, runtime, socket: `${runtime}/sup.sock`, token: `${runtime}/token` };
}

/** Ignores relative paths, as the XDG base directory specification demands. */
const xdg = (value: string | undefined, otherwise: string): string => (isAbsolute(value) ? value : otherwise);

const isAbsolute = (path: string | undefined): path is string => path?.startsWith("/") ?? false;
