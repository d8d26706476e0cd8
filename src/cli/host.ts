import { writeSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import type { Result } from "../base/result.ts";
import type { LossyOutput } from "../linux/io/lossy-output.ts";
import type { StdinPassage } from "../linux/io/pass-stdin.ts";
import { isLockHeld } from "../linux/self/probe-lock.ts";
import { terminalName } from "../linux/tty/terminal-name.ts";
import { detachSelf, runInteractive } from "../linux/spawn/programs.ts";
import { type CommandOptions, type CommandResult, isSystemdInit, runCommand, runtimeDirectory } from "../linux/self/systemd.ts";

/**
 * The command line's access to its process, the terminal and other programs. Tests pass a fake. Only doctor, upgrade and systemd
 * also use the machine directly.
 */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  /**
   * Writes the whole text. Exits quietly if the reader has closed the pipe. Does not use `process.stdout`, because its first use
   * costs 10 ms.
   */
  write(fd: 1 | 2, text: string): void;
  /**
   * From now on, `write` never blocks, and a closed output no longer ends the process, because a supervisor must not depend on whoever reads its output. A reader that
   * is too slow misses lines. `gap` returns the text, without a newline, that stands for them.
   */
  outliveReaders(gap: (lines: number) => string): Promise<void>;
  /** Resolves when slow readers have taken everything; gives up on one that takes nothing for a second. */
  finishOutput(): Promise<void>;
  isTerminal(fd: 0 | 1 | 2): boolean;
  /** Returns the columns of the terminal, or undefined if the output is not a terminal. */
  columns(): number | undefined;
  /** Returns the rows of the terminal, or undefined if the output is not a terminal. */
  rows(): number | undefined;
  /** Calls `onKey` for each key press. Keys are not echoed, and do not wait for Enter. Returns a function that ends this mode. */
  keys(onKey: (key: string) => void): () => void;
  /** Writes bytes to standard output unchanged. */
  writeBytes(bytes: Uint8Array): void;
  /**
   * Puts the terminal into raw mode and passes every key to `onBytes`, also Ctrl-C. Returns a function that restores the mode.
   */
  rawInput(onBytes: (bytes: Uint8Array) => void): Promise<() => void>;
  /** Calls `onResize` when the size of the terminal has changed. Returns a function that ends the calls. */
  onResize(onResize: () => void): () => void;
  /** Calls `onExit` when this process exits, also after an uncaught exception. Returns a function that prevents the call. */
  atExit(onExit: () => void): () => void;
  /** Returns the name of the terminal of standard input, such as "pts/3", or null. */
  terminalName(): string | null;
  /** Prints a question and reads a line from the terminal. Returns "" at the end of the input. */
  question(words: string): Promise<string>;
  /**
   * Passes standard input on to a unit through a FIFO in the daemon's runtime directory. Returns null if there is no input to pass
   * on. The error is a message.
   */
  passStdin(directory: string): Promise<Result<StdinPassage | null, string>>;
  /** Calls `onEnd` on SIGINT, SIGTERM and SIGHUP. Returns a function that restores the default action of these signals. */
  ending(onEnd: () => void): () => void;
  /** Returns the wall-clock time in milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Returns true while a process holds the lock on the file. */
  isLocked(path: string): boolean;
  /** Runs a program on this terminal and returns its exit code, or null if it cannot be started. */
  interactive(command: readonly string[]): Promise<number | null>;
  /** Returns the path of a program on this process's PATH, or null. */
  findProgram(name: string): string | null;
  /** Runs a program without a terminal and returns its output. The code is 127 if there is no such program. */
  ask(command: readonly string[], env: Readonly<Record<string, string | undefined>>, options?: CommandOptions): Promise<CommandResult>;
  /** The path of this executable, or of Bun's executable if sup runs from source. */
  readonly program: string;
  /** False if sup runs from source. */
  readonly compiled: boolean;
  userName(): string;
  systemdRuns(): boolean;
  /** Returns the usual value of XDG_RUNTIME_DIR in a login session of the user. */
  runtimeDirectory(uid: number): string;
  /** Starts this program again, detached, with a clean environment. Its output goes to the file. */
  detach(args: readonly string[], outputFile: string): { readonly pid: number; readonly exited: Promise<number> };
}

export function realHost(): Host {
  const lossy = new Map<1 | 2, LossyOutput>();
  return {
    env: process.env,
    uid: process.getuid?.() ?? 0,
    home: process.env.HOME || homeDirectory(),
    write(fd, text) {
      const output = lossy.get(fd);
      if (output === undefined) write(fd, text);
      else output.write(text);
    },
    async outliveReaders(gap) {
      const { LossyOutput } = await import("../linux/io/lossy-output.ts"); // not for the commands that only print
      for (const fd of [1, 2] as const) lossy.set(fd, new LossyOutput(fd, (lines) => `${gap(lines)}\n`));
    },
    async finishOutput() {
      await Promise.all([...lossy.values()].map((output) => output.finish(FINISH_MS)));
    },
    isTerminal,
    columns: () => (isTerminal(1) ? process.stdout.columns : undefined),
    rows: () => (isTerminal(1) ? process.stdout.rows : undefined),
    keys: readKeys,
    writeBytes: (bytes) => write(1, bytes),
    rawInput,
    onResize,
    atExit,
    terminalName,
    question,
    passStdin: async (directory) => (await import("../linux/io/pass-stdin.ts")).passStdin(directory), // it loads libc
    ending: onEnding,
    now: Date.now,
    sleep: Bun.sleep,
    isLocked: isLockHeld,
    interactive: runInteractive,
    findProgram: (name) => Bun.which(name),
    ask: runCommand,
    program: process.execPath.replace(/ \(deleted\)$/, ""),
    compiled: Bun.isStandaloneExecutable,
    userName,
    systemdRuns: isSystemdInit,
    runtimeDirectory,
    detach: detachSelf,
  };
}

const FINISH_MS = 1000;

/** The errors of write(2) after the reader is gone. EIO means that the terminal was closed. */
const READER_GONE = ["EPIPE", "EIO"];

function write(fd: 1 | 2, text: string | Uint8Array): void {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (READER_GONE.includes(code ?? "")) process.exit(0); // the reader has read enough, as in `sup logs web | head`
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1); // another process made the pipe non-blocking, so wait until the pipe has room
    }
  }
}

/** Returns the home directory from the user database, or "/" if there is none, as in some containers. */
function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 0); // the user is not in the user database
  }
}

function readKeys(onKey: (key: string) => void): () => void {
  if (!isTerminal(0)) return () => {};
  const { stdin } = process;
  const onData = (data: Buffer): void => onKey(data.toString());
  stdin.setRawMode(true);
  stdin.on("data", onData);
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

async function rawInput(onBytes: (bytes: Uint8Array) => void): Promise<() => void> {
  const { makeRaw } = await import("../linux/tty/raw-mode.ts"); // it loads libc
  const { stdin } = process;
  const restore = makeRaw(0);
  stdin.on("data", onBytes);
  return () => {
    stdin.off("data", onBytes);
    stdin.pause();
    restore();
  };
}

function onResize(callback: () => void): () => void {
  const { stdout } = process; // without this stream, Bun does not update its size
  stdout.on("resize", callback);
  return () => void stdout.off("resize", callback);
}

function atExit(onExit: () => void): () => void {
  process.on("exit", onExit);
  return () => void process.off("exit", onExit);
}

async function question(words: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  lines.once("SIGINT", () => {
    lines.close(); // restores the terminal
    process.exit(130);
  });
  try {
    return await Promise.race([lines.question(words), ended]);
  } finally {
    lines.close();
  }
}

function onEnding(onEnd: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onEnd);
  return () => {
    for (const signal of signals) process.off(signal, onEnd);
  };
}

function isTerminal(fd: 0 | 1 | 2): boolean {
  // Loading node:tty costs 2 ms, so it is loaded only on demand.
  return (require("node:tty") as typeof import("node:tty")).isatty(fd);
}
