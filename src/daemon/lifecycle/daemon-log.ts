import { lstatSync, renameSync } from "node:fs";
import { LossyOutput } from "../../linux/io/lossy-output.ts";
import { writeOwnFile } from "../../linux/io/regular-files.ts";

/** The daemon's own log. Each entry is one line in `sup.log`, and also on standard error if the daemon runs in the foreground. */
export interface DaemonLog {
  info(message: string): void;
  warn(message: string): void;
  /** Logs a bug in sup itself, with the stack trace if there is one. */
  bug(message: string, error?: unknown): void;
}

const MAX_BYTES = 10 * 1024 * 1024;
const CHECK_EVERY = 256;

export function openDaemonLog(path: string, options: { readonly echo: boolean; readonly now: () => number }): DaemonLog {
  let lines = 0;
  // A reader that stops reading (such as a pager, or journald during its restart) must not stop the daemon.
  const stderr = new LossyOutput(2, (missing) => `${missing} lines were not shown, because the reader of this output is too slow\n`);
  const write = (level: string, message: string): void => {
    const line = `${new Date(options.now()).toISOString()} ${level} ${message}\n`;
    if (options.echo) stderr.write(line);
    try {
      if (lines++ % CHECK_EVERY === 0) rotate(path);
      writeOwnFile(path, line, "append");
    } catch (error) {
      // A full or read-only disk must not stop the daemon. The store also reports the problem as an alert.
      if (!options.echo) stderr.write(`${line.trimEnd()} (cannot write ${path}: ${String(error)})\n`);
    }
  };
  return {
    info: (message) => write("info", message),
    warn: (message) => write("warn", message),
    bug: (message, error) => write("bug", `${message}${causeOf(error)}`),
  };
}

function causeOf(error: unknown): string {
  if (error === undefined) return "";
  return error instanceof Error ? `: ${error.stack ?? error.message}` : `: ${JSON.stringify(error)}`;
}

function rotate(path: string): void {
  const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_BYTES) renameSync(path, `${path}.1`);
}
