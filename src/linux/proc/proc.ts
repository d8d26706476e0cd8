/** Reads processes from /proc (proc(5)), mainly from /proc/PID/stat. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { KeptFile } from "./kept-file.ts";

/** The fields of /proc/PID/stat that sup uses. */
export interface Stat {
  readonly pid: number;
  /** The kernel's name of the process, at most 15 bytes. */
  readonly name: string;
  /** A letter: R, S, D, T, t, Z, X or I, among others. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly threads: number;
  /** User and system time in clock ticks. The time of children that the process waited for is not included. */
  readonly cpuTicks: number;
  /** User and system time, in clock ticks, of the children that the process waited for, and of their children. */
  readonly waitedTicks: number;
  /** Resident memory in pages. */
  readonly residentPages: number;
  /** The start time in clock ticks since boot. Together with the pid it identifies a process, even if the pid is reused. */
  readonly startTicks: number;
  /**
   * The end address of the environment. It is 0 until exec has written the environment, and for processes that we may not
   * inspect.
   */
  readonly environmentEnd: number;
  /** The wait status. It is valid only for a zombie, and only if the reader is root or the same user. */
  readonly waitStatus: number;
}

/** Reads /proc/PID/stat. Returns null if there is no such process. */
export function readStat(pid: number): Stat | null {
  const line = readLine(`/proc/${pid}/stat`);
  return line === null ? null : parseStat(line);
}

/** Parses a line of /proc/PID/stat. The name may contain `)` and spaces, so fields are counted from the last `)`. */
export function parseStat(line: string): Stat | null {
  const open = line.indexOf("(");
  const close = line.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const rest = line.slice(close + 2).split(" "); // rest[0] is field 3
  return {
    pid: Number(line.slice(0, open)),
    name: line.slice(open + 1, close),
    state: rest[0] ?? "?",
    parent: Number(rest[1]),
    group: Number(rest[2]),
    session: Number(rest[3]),
    threads: Number(rest[17]),
    cpuTicks: Number(rest[11]) + Number(rest[12]),
    waitedTicks: Number(rest[13]) + Number(rest[14]),
    residentPages: Number(rest[21]),
    startTicks: Number(rest[19]),
    environmentEnd: Number(rest[48]),
    waitStatus: Number(rest[49]),
  };
}

/** Returns true if a process is alive. A zombie counts as alive if only its main thread has ended. State X follows state Z. */
export const isAlive = (stat: Pick<Stat, "state" | "threads">): boolean => stat.state !== "X" && (stat.state !== "Z" || stat.threads > 1);

export function listPids(): number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const first = name.charCodeAt(0);
    if (first >= 49 && first <= 57) pids.push(Number(name));
  }
  return pids;
}

/** Reads all processes. process-stats.ts is three times as fast. Processes that end meanwhile are skipped. */
export function allStats(): Stat[] {
  return listPids().flatMap((pid) => readStat(pid) ?? []);
}

/**
 * Returns one variable of the environment that the process got at exec, or null if the variable is not set. Returns undefined
 * if the environment is unknown. In this case the process has ended, has no environment, or is in the middle of exec, or we
 * lack the permission to inspect it.
 */
export function environmentVariable(pid: number, name: string): string | null | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`/proc/${pid}/environ`);
  } catch {
    return undefined;
  }
  if (bytes.length === 0) return undefined;
  const key = `${name}=`;
  let at = bytes.indexOf(key);
  while (at > 0 && bytes[at - 1] !== 0) at = bytes.indexOf(key, at + 1);
  if (at < 0) return null;
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at + key.length, end < 0 ? bytes.length : end);
}

/**
 * Returns true in the middle of exec, when a process that we may inspect has its new program but no environment yet. This takes
 * about 0.1 ms, or longer if the program is read from a slow disk. Until exec is over we cannot know which run the process belongs
 * to.
 */
export function isExecuting(pid: number): boolean {
  const stat = readStat(pid);
  if (stat === null || stat.environmentEnd !== 0 || !isAlive(stat)) return false;
  try {
    return readFileSync(`/proc/${pid}/environ`).length === 0;
  } catch {
    return false; // without permission the 0 means nothing
  }
}

/**
 * Returns our direct children, including zombies. Returns null if the kernel lacks the file (CONFIG_PROC_CHILDREN). The
 * kernel lists children under the thread that created them, and orphans under the first living thread. In this process the
 * main thread is both.
 */
export function ownChildren(): Set<number> | null {
  const children = new Set<number>();
  // The list is read twice, because the kernel may skip an entry if the child before it is reaped during the read.
  for (let round = 0; round < 2; round++) {
    const text = childrenFile.read();
    if (text === null) return null;
    for (let at = 0, child = 0; at < text.length; at++) {
      const digit = text[at]! - ZERO;
      if (digit >= 0) child = 10 * child + digit;
      else {
        children.add(child); // each number ends with a blank
        child = 0;
      }
    }
  }
  return children;
}

const ZERO = 48; // "0"
const childrenFile = new KeptFile(`/proc/${process.pid}/task/${process.pid}/children`);

const buffer = Buffer.allocUnsafeSlow(4096);

/** Reads a file of /proc that the kernel returns in one read. Returns null if it does not exist (any more). */
function readLine(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
  try {
    return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, null));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Returns true if the file does not exist, or if the process ended between open and read (ESRCH). */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ESRCH" || code === "EACCES";
}
