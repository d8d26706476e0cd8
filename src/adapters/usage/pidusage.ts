import childProcess from "node:child_process";
import { closeSync } from "node:fs";
import { clockTicks, pageBytes } from "../../linux/proc/boot.ts";
import { openStat } from "../../linux/proc/stat-descriptor.ts";

/** One reading of a process. */
export interface Reading {
  /** User and system time that it has used since its start. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** What pidusage answers for a process; its own `cpu` is 0 in a first reading, so that it is of no use here. */
interface Statistics {
  readonly memory: number;
  readonly ctime: number;
}

interface Pidusage {
  (pids: number[], options: { readonly usePs: false; readonly maxage: number }): Promise<Record<string, Statistics | undefined>>;
  clear(): void;
}

interface History {
  set(pid: number, entry: { readonly fd: number; readonly utime: 0; readonly stime: 0; readonly uptime: 0 }, maxage: number): void;
}

/** How many processes are read, and descriptors are open, at a time. */
const BATCH = 64;
/** Far longer than any reading: the history is cleared after each batch. */
const MAX_AGE_MS = 3_600_000;

let loaded: { readonly pidusage: Pidusage; readonly history: History } | null = null;
let previous: Promise<unknown> = Promise.resolve();

/** Reads processes by their pids. Those that are gone are missing in the answer. One request is read at a time. */
export function readAll(pids: readonly number[]): Promise<ReadonlyMap<number, Reading>> {
  const readings = previous.then(async () => {
    const found = new Map<number, Reading>();
    for (let at = 0; at < pids.length; at += BATCH) await readBatch(pids.slice(at, at + BATCH), found);
    return found;
  });
  previous = readings.catch(() => undefined);
  return readings;
}

/**
 * pidusage 4.1.0 keeps the descriptors that it opens in its history until an entry is a minute old, loses them in `clear()`,
 * and loses one whenever a process ends between open and read. So the descriptors are opened and closed here, and lent to it
 * through its history, from which it takes the descriptor of a known process.
 */
async function readBatch(pids: readonly number[], found: Map<number, Reading>): Promise<void> {
  const { pidusage, history } = (loaded ??= load());
  const opened = pids.flatMap((pid) => {
    const fd = openStat(pid);
    return fd === null ? [] : [{ pid, fd }];
  });
  if (opened.length === 0) return;
  try {
    for (const { pid, fd } of opened) history.set(pid, { fd, utime: 0, stime: 0, uptime: 0 }, MAX_AGE_MS);
    const all = await pidusage(
      opened.map(({ pid }) => pid),
      { usePs: false, maxage: MAX_AGE_MS },
    );
    for (const { pid } of opened) {
      const one = all[pid];
      if (one !== undefined) found.set(pid, { cpuMs: one.ctime, memoryBytes: one.memory });
    }
  } catch {
    // A single process that ended meanwhile is an error to pidusage; here it is only missing.
  } finally {
    pidusage.clear();
    for (const { fd } of opened) closeSync(fd);
  }
}

/**
 * Loads pidusage with an `exec` that answers its two calls of `getconf`, which it makes to learn the clock tick and the page
 * size: the daemon must not start processes here, and a machine with musl may have no getconf. pidusage keeps the function;
 * nobody else sees it, since nothing else is loaded meanwhile.
 */
function load(): NonNullable<typeof loaded> {
  const { exec } = childProcess;
  const getconf = (command: string, done: (error: null, stdout: string) => void): void =>
    done(null, String(command.endsWith("PAGESIZE") ? pageBytes() : clockTicks()));
  Object.assign(childProcess, { exec: getconf });
  try {
    // One after the other and at once: `import` would give others a turn.
    return { pidusage: require("pidusage") as Pidusage, history: require("pidusage/lib/history") as History };
  } finally {
    Object.assign(childProcess, { exec });
  }
}
