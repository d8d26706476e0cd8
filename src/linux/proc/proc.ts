/** What /proc says about processes: proc(5), /proc/PID/stat. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

/** One line of /proc/PID/stat. */
export interface Stat {
  readonly pid: number;
  /** As the kernel knows it: at most 15 bytes. */
  readonly name: string;
  /** One letter: R S D T t Z X I… */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly threads: number;
  /** User and system time together, in clock ticks; of this process alone, without children it waited for. */
  readonly cpuTicks: number;
  /** Resident pages. */
  readonly residentPages: number;
  /** Clock ticks since boot; with the pid it names a process for good. */
  readonly startTicks: number;
  /** Where its environment ends in its memory: 0 before its exec has written it, and for what we may not look into. */
  readonly environmentEnd: number;
  /** A wait status; only a zombie's counts, and only when we may know it (same user, or root). */
  readonly waitStatus: number;
}

/** Null when there is no such process. */
export function readStat(pid: number): Stat | null {
  const text = readSmall(`/proc/${pid}/stat`, true);
  return text === null ? null : parseStat(text);
}

/** The name may hold anything, also `)` and spaces, so the fields are counted from the last `)`. */
export function parseStat(text: string): Stat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const rest = text.slice(close + 2).split(" "); // rest[0] is field 3
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: rest[0] ?? "?",
    parent: Number(rest[1]),
    group: Number(rest[2]),
    session: Number(rest[3]),
    threads: Number(rest[17]),
    cpuTicks: Number(rest[11]) + Number(rest[12]),
    residentPages: Number(rest[21]),
    startTicks: Number(rest[19]),
    environmentEnd: Number(rest[48]),
    waitStatus: Number(rest[49]),
  };
}

/** A zombie has ended, unless only its first thread has; X is the moment after. */
export const isAlive = (stat: Pick<Stat, "state" | "threads">): boolean => stat.state !== "X" && (stat.state !== "Z" || stat.threads > 1);

export function listPids(): number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const first = name.charCodeAt(0);
    if (first >= 49 && first <= 57) pids.push(Number(name));
  }
  return pids;
}

export const allStats = (): Stat[] => statsOf(listPids());

/** Of those that are there. */
export function statsOf(pids: Iterable<number>): Stat[] {
  const stats: Stat[] = [];
  for (const pid of pids) {
    const stat = readStat(pid);
    if (stat) stats.push(stat);
  }
  return stats;
}

/**
 * One variable of the process's environment as it was at exec; null when it is not set. Undefined when it cannot be
 * known: the process is gone, not ours to read, has no environment at all, or is in the middle of its exec.
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
 * True in the middle of an exec, when a process that we may look into has the new program but no environment yet. For some
 * 0.1 ms it cannot be told whose it is; longer where the program must come from a slow disk.
 */
export function isExecuting(pid: number): boolean {
  const stat = readStat(pid);
  if (stat === null || stat.environmentEnd !== 0 || !isAlive(stat)) return false;
  try {
    return readFileSync(`/proc/${pid}/environ`).length === 0;
  } catch {
    return false; // not ours to read, so the 0 says nothing
  }
}

/**
 * Our direct children, zombies included; null where the kernel has no such file (CONFIG_PROC_CHILDREN). Children hang on
 * the thread that made them, and orphans on the first thread that lives: here both are the main thread.
 */
export function ownChildren(): Set<number> | null {
  const children = new Set<number>();
  // Twice: a child that is reaped between two of the kernel's steps can hide its neighbour from one reading.
  for (let round = 0; round < 2; round++) {
    const text = readSmall(`/proc/${process.pid}/task/${process.pid}/children`);
    if (text === null) return null;
    for (const child of text.split(" ")) if (child !== "") children.add(Number(child));
  }
  return children;
}

/** Adds the children of all threads of a process; one that is gone has none. */
export function addChildren(pid: number, to: Set<number>): void {
  let tasks: string[];
  try {
    tasks = readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  for (const task of tasks) {
    const text = readSmall(`/proc/${pid}/task/${task}/children`);
    for (const child of text?.split(" ") ?? []) if (child !== "") to.add(Number(child));
  }
}

const small = Buffer.allocUnsafeSlow(65536);

/** A file of /proc, read at one go; null when it is not there (any more). `oneLine`: the kernel gives it whole in one read. */
function readSmall(path: string, oneLine = false): string | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
  try {
    let length = 0;
    for (;;) {
      const bytes = readSync(fd, small, length, small.length - length, null);
      length += bytes;
      if (bytes === 0 || oneLine || length === small.length) return small.toString("latin1", 0, length);
    }
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** ESRCH: the process ended between open and read. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ESRCH" || code === "EACCES";
}
