/** Finds a command as execvp(3) does, but distinguishes "not found" from "found, but not executable". */
import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";

const ENOENT = 2;
const EACCES = 13;
const EISDIR = 21;

/** What shells use when PATH is not set. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The file to execute. A name with a slash is a path relative to `cwd`. Other names are searched in the absolute directories of
 * `path`; relative ones would depend on the daemon's working directory. The error is ENOENT, EACCES, EISDIR or the errno of
 * stat(2). The search goes on after a file that is not executable.
 */
export function findCommand(command: string, path: string | undefined, cwd: string | null): Result<string, number> {
  if (command === "") return err(ENOENT);
  if (command.includes("/")) {
    const file = resolve(cwd ?? "/", command);
    const error = executeErrno(file);
    return error === 0 ? ok(file) : err(error);
  }
  // The daemon's own executable has the right version, and need not be on PATH (in a checkout, or in a container).
  if (command === "sup" && OWN_PROGRAM !== null && executeErrno(OWN_PROGRAM) === 0) return ok(OWN_PROGRAM);
  let worst = ENOENT;
  for (const directory of (path ?? DEFAULT_PATH).split(":")) {
    if (!isAbsolute(directory)) continue;
    const file = join(directory, command);
    const error = executeErrno(file);
    if (error === 0) return ok(file);
    if (error === EACCES) worst = EACCES;
  }
  return err(worst);
}

/** This executable, or the one that replaced it in an upgrade; null when sup runs from source. */
const OWN_PROGRAM = Bun.isStandaloneExecutable ? process.execPath.replace(/ \(deleted\)$/, "") : null;

/** 0 when the file can be executed. */
function executeErrno(file: string): number {
  try {
    if (statSync(file).isDirectory()) return EISDIR;
    accessSync(file, constants.X_OK);
    return 0;
  } catch (error) {
    return Math.abs((error as NodeJS.ErrnoException).errno ?? EACCES);
  }
}
