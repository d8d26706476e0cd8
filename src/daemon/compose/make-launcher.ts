import { existsSync } from "node:fs";
import { readTextFile } from "../../adapters/files/text-file.ts";
import { defaultNice } from "../../linux/self/priority.ts";
import type { Users } from "../../ports/users.ts";
import type { Places } from "../../spec/places.ts";
import { Launcher } from "../engine/launcher.ts";

/** Makes the launcher that prepares starts on this machine, for the daemon and for `sup verify`. */
export function makeLauncher(users: Users, places: Places): Launcher {
  const { LANG, TZ } = process.env;
  const defaults = { directory: (home: string) => defaultDirectory(places.mode, home), nice: defaultNice() };
  return new Launcher({ users, places, locale: { LANG, TZ }, readText: readTextFile, defaults });
}

/** Returns the working directory of units that set none. The home directory is not used if it does not exist, as for many system users. */
const defaultDirectory = (mode: Places["mode"], home: string): string => (mode === "system" || !existsSync(home) ? "/" : home);
