import { accessSync, chmodSync, chownSync, closeSync, constants, copyFileSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs"; // prettier-ignore
import { basename, dirname, join } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { runWithTimeout } from "../../linux/self/relaunch.ts";
import { readStat } from "../../linux/proc/proc.ts";

/**
 * The installed executable while it is exchanged. Everything happens in a directory next to it (`.sup-install.PID`, as
 * install.sh calls its own), so that each exchange is a rename: at any moment the one or the other is in its place, whole.
 */
export class Exchange implements Disposable {
  readonly program: string;
  readonly directory: string;

  private constructor(program: string) {
    this.program = program;
    this.directory = join(dirname(program), `${PREFIX}${process.pid}`);
  }

  /** Refuses a place that cannot be written. What killed runs left is removed. */
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
      const hint = (error as NodeJS.ErrnoException).code === "EACCES" ? "run it as the user who installed sup, perhaps root" : undefined;
      return failed(`cannot write to ${place}`, error, hint);
    }
  }

  get fresh(): string {
    return join(this.directory, "sup");
  }

  /** Unpacks the new executable, with mode and owner of the old one, and has it say its version. */
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
    const how = code === null ? "it cannot be executed, or does not end" : `it ends with ${code}`;
    return err({ code: "failed", message: `the new executable does not run on this machine: ${how}`, hint: output.split("\n")[0] || "it says nothing" }); // prettier-ignore
  }

  /** The new one takes the place; the old one is kept for `putBack`. */
  swap(): Result<null, ApiError> {
    try {
      const previous = join(this.directory, "previous");
      try {
        linkSync(this.program, previous);
      } catch {
        copyFileSync(this.program, previous); // a file system without links, or not our file
      }
      renameSync(this.fresh, this.program);
      return ok(null);
    } catch (error) {
      return failed(`cannot put the new executable in the place of ${this.program}`, error);
    }
  }

  putBack(): Result<null, ApiError> {
    try {
      renameSync(join(this.directory, "previous"), this.program);
      return ok(null);
    } catch (error) {
      return failed(`cannot put the old executable back to ${this.program}`, error);
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

/** Where the store was before the new daemon changed its shape: what it kept since `sinceMs` takes its place again. */
export function putStoreBack(state: string, sinceMs: number): string | null {
  const store = join(state, "sup.db");
  const kept = readdirSync(state).filter((name) => /^sup\.db\.v\d+$/.test(name)).map((name) => join(state, name)); // prettier-ignore
  const fresh = kept.find((path) => statSync(path).ctimeMs >= sinceMs);
  if (fresh === undefined) return null;
  for (const suffix of ["-wal", "-shm"]) rmSync(store + suffix, { force: true });
  renameSync(fresh, store);
  return basename(fresh);
}
