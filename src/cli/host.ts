import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { dirname } from "node:path";

/**
 * What the command line asks of the process, the terminal and other programs; the only file of `cli` that touches them.
 * Tests give their own. `process.stdout` is never touched on the way to an answer: the first look at it costs 10 ms.
 */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  /** Writes all of the text; ends the process quietly when the reader is gone. */
  write(fd: 1 | 2, text: string): void;
  isTerminal(fd: 0 | 1 | 2): boolean;
  /** Columns of the terminal; undefined when the output is no terminal. */
  columns(): number | undefined;
  /** Wall milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** True while a process runs; false for a zombie. */
  alive(pid: number): boolean;
  /** Runs a program on this terminal and waits for it; null when it cannot be started. */
  interactive(command: readonly string[]): Promise<number | null>;
  /** Starts this program again, detached, with a clean environment; its output goes to the file. */
  detach(args: readonly string[], outputFile: string): { readonly pid: number; readonly exited: Promise<number> };
}

export function realHost(): Host {
  return {
    env: process.env,
    uid: process.getuid?.() ?? 0,
    home: process.env.HOME || homedir(),
    write,
    isTerminal,
    columns: () => (isTerminal(1) ? process.stdout.columns : undefined),
    now: Date.now,
    sleep: Bun.sleep,
    alive,
    interactive,
    detach,
  };
}

function write(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") process.exit(0); // `sup logs web | head`: the reader has what it wants
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1); // somebody made the pipe non-blocking
    }
  }
}

function isTerminal(fd: 0 | 1 | 2): boolean {
  return (require("node:tty") as typeof import("node:tty")).isatty(fd); // costs 2 ms, so only when asked
}

function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false; // no such process
  }
}

async function interactive(command: readonly string[]): Promise<number | null> {
  try {
    return await Bun.spawn([...command], { stdio: ["inherit", "inherit", "inherit"] }).exited;
  } catch {
    return null;
  }
}

function detach(args: readonly string[], outputFile: string): { pid: number; exited: Promise<number> } {
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "w", 0o600);
  try {
    // A BUN_* variable can change the runtime under the daemon (preloads, no orphans), so none goes along.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BUN_")));
    const self = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
    const child = Bun.spawn([...self, ...args], { detached: true, env, stdio: ["ignore", output, output] });
    child.unref();
    return { pid: child.pid, exited: child.exited };
  } finally {
    closeSync(output);
  }
}
