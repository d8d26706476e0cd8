import { accessSync, chmodSync, chownSync, closeSync, constants, copyFileSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs"; // prettier-ignore
import { basename, dirname, join } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { runWithTimeout } from "../../linux/self/relaunch.ts";
import { readStat } from "../../linux/proc/proc.ts";

/**
 * Replaces the installed executable. All files are written to a directory next to it (`.sup-install.PID`, the name that
 * install.sh uses too), so that each replacement is a rename. At any moment either the old or the new program is in place.
 */
export class Exchange implements Disposable {
  readonly program: string;
  readonly directory: string;

  private constructor(program: string) {
    this.program = program;
    this.directory = join(dirname(program), `${PREFIX}${process.pid}`);
  }

  /** Creates the directory next to the program. Fails if that is not possible. Removes the directories that killed upgrades left behind. */
  static open(program: string): Result<Exchange, ApiError> {
    const place = dirname(program);
    try {
      accessSync(place, constants.W_OK | constants.X_OK);
      for (const name of readdirSync(place)) {
        const owner = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : 0;
        if (owner > 0 && (readStat(owner)?.state ?? "Z") === "Z") rmSync(join(place, name), { recursive: true, force: true });
      }
      const exchange = new Exchange(program);
      mkdirSync(exchange.directory, { mode: 0o755 });
      return ok(exchange);
    } catch (error) {
      const hint =
        (error as NodeJS.ErrnoException).code === "EACCES" ? "run this as the user who installed sup, for example root" : undefined;
      return failed(`cannot write to ${place}`, error, hint);
    }
  }

  get fresh(): string {
    return join(this.directory, "sup");
  }

  /** Unpacks the new executable with the mode and owner of the old one, runs it, and returns its version. */
  async unpack(gz: Uint8Array): Promise<Result<string, ApiError>> {
    try {
      const bytes = Bun.gunzipSync(gz as Uint8Array<ArrayBuffer>);
      const old = statSync(this.program);
      const fd = openSync(this.fresh, "wx", 0o700);
      try {
        for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      if (process.getuid?.() === 0) chownSync(this.fresh, old.uid, old.gid);
      chmodSync(this.fresh, old.mode & 0o7777);
    } catch (error) {
      return failed(`cannot unpack the new executable in ${this.directory}`, error);
    }
    const { code, output } = await runWithTimeout([this.fresh, "version"], { PATH: process.env.PATH ?? "" }, VERSION_MS);
    const version = /^sup (\S+)$/.exec(output)?.[1];
    if (code === 0 && version !== undefined) return ok(version);
    const how = code === null ? "it cannot be executed, or does not exit" : `it exits with ${code}`;
    return err({ code: "failed", message: `the new executable does not run on this machine: ${how}`, hint: output.split("\n")[0] || "it prints nothing" }); // prettier-ignore
  }

  /** Installs the new program and keeps the old one for `restore`. */
  swap(): Result<null, ApiError> {
    try {
      const previous = join(this.directory, "previous");
      try {
        linkSync(this.program, previous);
      } catch {
        copyFileSync(this.program, previous); // the file system has no hard links, or the file belongs to another user
      }
      renameSync(this.fresh, this.program);
      return ok(null);
    } catch (error) {
      return failed(`cannot replace ${this.program} with the new executable`, error);
    }
  }

  restore(): Result<null, ApiError> {
    try {
      renameSync(join(this.directory, "previous"), this.program);
      return ok(null);
    } catch (error) {
      return failed(`cannot restore the old executable to ${this.program}`, error);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const PREFIX = ".sup-install.";
const VERSION_MS = 20_000;

function failed(what: string, error: unknown, hint?: string): Result<never, ApiError> {
  const { code, message } = error as NodeJS.ErrnoException;
  return err({ code: "failed", message: `${what}: ${code ?? message}`, ...(hint !== undefined && { hint }) });
}

/**
 * Restores the copy of the database that the new daemon made after `sinceMs`, before it migrated the schema. Returns the name of
 * the copy, or null if there is none.
 */
export function restoreDatabase(state: string, sinceMs: number): string | null {
  const store = join(state, "sup.db");
  const kept = readdirSync(state).filter((name) => /^sup\.db\.v\d+$/.test(name)).map((name) => join(state, name)); // prettier-ignore
  const fresh = kept.find((path) => statSync(path).ctimeMs >= sinceMs);
  if (fresh === undefined) return null;
  for (const suffix of ["-wal", "-shm"]) rmSync(store + suffix, { force: true });
  renameSync(fresh, store);
  return basename(fresh);
}
