/** Finds a command in the same way as execvp(3), but distinguishes "not found" from "found, but not executable". */
import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";

const ENOENT = 2;
const EACCES = 13;
const EISDIR = 21;

/** The search path that shells use if PATH is not set. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * Returns the files to try, in this order. A name with a slash is a path relative to `cwd`. Other names are searched in the absolute
 * directories of `path`. Relative directories are skipped, because they would depend on the daemon's working directory. This function
 * reads no file, because a file system that does not respond must not block the daemon. The new process itself tries the files
 * (`resolve` in spawn-server.c).
 */
export function commandCandidates(command: string, path: string | undefined, cwd: string | null): readonly string[] {
  if (command === "") return [];
  if (command.includes("/")) return [resolve(cwd ?? "/", command)];
  const directories = (path ?? DEFAULT_PATH).split(":").filter((directory) => isAbsolute(directory));
  const files = directories.map((directory) => join(directory, command));
  // The command `sup` is the daemon's own executable, which has the same version, and need not be on PATH (in a checkout or a container).
  return command === "sup" && OWN_PROGRAM !== null ? [OWN_PROGRAM, ...files] : files;
}

/**
 * Returns the file that a start would execute. Must not run in the daemon, because it may block. The error is ENOENT, EACCES, EISDIR or
 * the errno of stat(2). The search continues after a file that is not executable.
 */
export function findCommand(command: string, path: string | undefined, cwd: string | null): Result<string, number> {
  let worst = ENOENT;
  for (const file of commandCandidates(command, path, cwd)) {
    const error = executeErrno(file);
    if (error === 0) return ok(file);
    if (error === EACCES || command.includes("/")) worst = error;
  }
  return err(worst);
}

/** The path of this executable, or of the file that replaced it in an upgrade. Null if sup runs from source. */
const OWN_PROGRAM = Bun.isStandaloneExecutable ? process.execPath.replace(/ \(deleted\)$/, "") : null;

/** Returns 0 if the file can be executed, or else an errno. */
function executeErrno(file: string): number {
  try {
    if (statSync(file).isDirectory()) return EISDIR;
    accessSync(file, constants.X_OK);
    return 0;
  } catch (error) {
    return Math.abs((error as NodeJS.ErrnoException).errno ?? EACCES);
  }
}
