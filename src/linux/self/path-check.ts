import { opendirSync, statSync } from "node:fs";
import { PATH_CONDITIONS, type PathConditionKind } from "../../base/words.ts";

/** The first argument of a process that checks paths. A daemon may run an executable that is newer than itself. */
export const PATH_CHECK = "__check-paths";

/**
 * The command that checks paths, without its arguments: this program. The link in /proc leads to the executable of the running
 * daemon even if the file was replaced or deleted.
 */
export const pathChecker = (): readonly string[] =>
  Bun.isStandaloneExecutable ? [`/proc/${process.pid}/exe`, PATH_CHECK] : [process.execPath, Bun.main, PATH_CHECK];

const INVALID = 255;

/**
 * Checks pairs of a condition and a path; `!` before the condition negates it. Returns an exit code: 0 if all are met, otherwise
 * the number of the first that is not, counted from 1.
 */
export function checkPathArguments(args: readonly string[]): number {
  for (let at = 0; at < args.length; at += 2) {
    const [word = "", path = ""] = [args[at], args[at + 1]];
    const kind = PATH_CONDITIONS.find((one) => one === word.replace(/^!/, ""));
    if (kind === undefined || path === "") return INVALID;
    if (meets(kind, path) === word.startsWith("!")) return at / 2 + 1;
  }
  return 0;
}

/** A path that cannot be reached, for example without the permission to search its directory, counts as missing, as for systemd. */
function meets(kind: PathConditionKind, path: string): boolean {
  try {
    const status = statSync(path);
    if (kind === "path_missing") return false;
    if (kind === "path_exists") return true;
    if (kind === "file_not_empty") return status.isFile() && status.size > 0;
    return status.isDirectory() && hasEntry(path);
  } catch {
    return kind === "path_missing";
  }
}

function hasEntry(path: string): boolean {
  const directory = opendirSync(path);
  try {
    return directory.readSync() !== null;
  } finally {
    directory.closeSync();
  }
}
