import childProcess from "node:child_process";
import { closeSync } from "node:fs";
import { clockTicks, pageBytes } from "../../linux/proc/boot.ts";
import { openStat } from "../../linux/proc/stat-descriptor.ts";

/** CPU time and memory of one process at one time. */
export interface Reading {
  /** User and system CPU time in milliseconds that the process has used since its start. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** The result of pidusage for one process. Its field `cpu` is omitted here, because it is 0 in a first reading. */
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

/** Number of processes that are read at a time. Each of them has an open descriptor during the reading. */
const BATCH = 64;
/**
 * Milliseconds after which pidusage discards history. The value is far longer than any reading takes, because the history is
 * cleared after each batch anyway.
 */
const MAX_AGE_MS = 3_600_000;

let loaded: { readonly pidusage: Pidusage; readonly history: History } | null = null;
let previous: Promise<unknown> = Promise.resolve();

/** Reads processes by their pids. The result omits processes that have ended. Requests are handled one after another. */
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
 * Reads one batch. pidusage 4.1.0 keeps the descriptors that it opens in its history until an entry is a minute old.
 * `clear()` loses them, and one is lost whenever a process ends between open and read. Therefore this function opens and
 * closes the descriptors itself. It passes them through pidusage's history, from which pidusage takes the descriptor of a
 * known process.
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
    // pidusage throws if the batch is a single process that has ended meanwhile. The result omits that process.
  } finally {
    pidusage.clear();
    for (const { fd } of opened) closeSync(fd);
  }
}

/**
 * Loads pidusage with a replaced `exec`. pidusage calls `getconf` twice, to get the clock tick and the page size. But the
 * daemon must not start processes here, and a machine with musl may have no getconf. Therefore the replacement answers both
 * calls, and pidusage keeps it. No other module gets the replacement, because nothing else is loaded meanwhile.
 */
function load(): NonNullable<typeof loaded> {
  const { exec } = childProcess;
  const getconf = (command: string, done: (error: null, stdout: string) => void): void =>
    done(null, String(command.endsWith("PAGESIZE") ? pageBytes() : clockTicks()));
  Object.assign(childProcess, { exec: getconf });
  try {
    // `require` loads both without returning to the event loop, whereas `import` would let other code run in between.
    return { pidusage: require("pidusage") as Pidusage, history: require("pidusage/lib/history") as History };
  } finally {
    Object.assign(childProcess, { exec });
  }
}
