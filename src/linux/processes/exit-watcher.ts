/**
 * Watches single processes for their exit, with one pidfd each in epoll. For our own children the exit status comes from waitpid
 * with the pid, never from waitpid(-1), which would reap children of Bun. For processes that an earlier daemon started, the
 * status comes from the zombie or from the kernel's record (see `foreignStatus`).
 */
import { ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { decodeWaitStatus, type Exit } from "../../base/exit.ts";
import { keeperKey } from "../keeper/keys.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Epoll, EpollHandle } from "../io/epoll.ts";
import { errno, libc } from "../ffi/libc.ts";
import { pidfdOpen, pidfdWaitStatus } from "./pidfd.ts";
import { readStat } from "../proc/proc.ts";

type ProcessId = Pick<ProcessRef, "pid" | "startTicks">;

interface Watched {
  readonly process: ProcessId;
  readonly pidfd: number;
  readonly stop: () => void;
}

const WNOHANG = 1;
const EINTR = 4;
const ESRCH = 3;

export class ExitWatcher {
  readonly #watched = new Map<number, Watched>();
  readonly #epoll: Epoll;
  readonly #keeper: Keeper;
  /** The children that were reaped since the poll with this number. */
  #reaped = { poll: -1, pids: new Set<number>() };

  constructor(epoll: Epoll, keeper: Keeper) {
    this.#epoll = epoll;
    this.#keeper = keeper;
  }

  /** Returns true while the process is watched and its exit has not been reported. */
  has(pid: number): boolean {
    return this.#watched.has(pid);
  }

  /** Returns true if this process was a watched child and was reaped in this turn of the event loop. */
  wasJustReaped(pid: number): boolean {
    return this.#reaped.poll === this.#epoll.polls && this.#reaped.pids.has(pid);
  }

  /** Returns the pidfd of exactly this process, or null if it is not watched. */
  pidfdOf(pid: number, startTicks: number): number | null {
    const watch = this.#watched.get(pid);
    return watch?.process.startTicks === startTicks ? watch.pidfd : null;
  }

  /**
   * Watches a process and calls back once from the event loop when it ends. If `kept` is set, the keeper holds the pidfd, so
   * that the next daemon can learn the exit status. Returns 0, or the errno that says why the process cannot be watched.
   * ESRCH means that it does not exist or that the pid was reused.
   */
  watch(pid: number, startTicks: number, kept: boolean, onExit: (exit: Exit) => void): number {
    const pidfd = pidfdOpen(pid); // opened before the comparison, so both refer to the same process
    if (pidfd < 0) return -pidfd;
    const errno = compareStart(pid, startTicks);
    if (errno === 0) return this.#add({ pid, startTicks }, pidfd, kept, onExit);
    libc.close(pidfd);
    return errno;
  }

  /**
   * Watches a new child like `watch`. No start time is compared, because the pid cannot be reused before we have waited for the
   * child.
   */
  watchChild(child: ProcessId, kept: boolean, onExit: (exit: Exit) => void): number {
    const pidfd = pidfdOpen(child.pid);
    return pidfd < 0 ? -pidfd : this.#add(child, pidfd, kept, onExit);
  }

  #add(process: ProcessId, pidfd: number, kept: boolean, onExit: (exit: Exit) => void): number {
    let handle: EpollHandle;
    const stop = (): void => {
      handle.remove();
      this.#keeper.drop(keeperKey.process(process.pid));
      libc.close(pidfd);
      this.#watched.delete(process.pid);
    };
    const before = this.#watched.get(process.pid);
    if (before?.process.startTicks === process.startTicks) before.stop(); // a second watch replaces the first
    try {
      handle = this.#epoll.add(pidfd, "in", false, () => {
        const exit = this.#statusOf(process, pidfd);
        if (exit === null) return;
        stop();
        onExit(exit);
      });
    } catch (error) {
      libc.close(pidfd);
      return (error as { errno?: number }).errno ?? ESRCH;
    }
    this.#watched.set(process.pid, { process, pidfd, stop });
    if (kept) this.#keeper.keep(keeperKey.process(process.pid), pidfd);
    return 0;
  }

  /** Returns how a process of the previous daemon ended while no daemon was running, or null if that is unknown. */
  takeExitFromKeeper(pid: number): Exit | null {
    const pidfd = this.#keeper.takeBack(keeperKey.process(pid));
    if (pidfd === null) return null;
    const status = pidfdWaitStatus(pidfd);
    libc.close(pidfd);
    return status === null ? null : decodeWaitStatus(status);
  }

  /** Stops watching. The processes keep running. */
  close(): void {
    for (const watch of [...this.#watched.values()]) watch.stop();
  }

  /** Returns the exit, or null if the process has not ended. */
  #statusOf(process: ProcessId, pidfd: number): Exit | null {
    // The `startTicks` of a child may be read for the first time here, because its zombie still has the value.
    const { pid, startTicks } = process;
    const result = waitForChild(pid, WNOHANG);
    if (result === "running") return null;
    if (result !== "not-ours") {
      this.#noteReaped(pid);
      return result;
    }
    const status = foreignStatus(pid, startTicks, pidfd);
    return status === null ? { kind: "lost" } : decodeWaitStatus(status);
  }

  #noteReaped(pid: number): void {
    if (this.#reaped.poll !== this.#epoll.polls) this.#reaped = { poll: this.#epoll.polls, pids: new Set() };
    this.#reaped.pids.add(pid);
  }
}

/** Returns 0 if the process started at this time, ESRCH if it did not, or another errno if /proc cannot be read (EMFILE). */
function compareStart(pid: number, startTicks: number): number {
  try {
    return readStat(pid)?.startTicks === startTicks ? 0 : ESRCH;
  } catch (error) {
    return Math.abs((error as NodeJS.ErrnoException).errno ?? ESRCH);
  }
}

/** Calls waitpid(2) for one of our children. */
export function waitForChild(pid: number, options: number): Exit | "running" | "not-ours" {
  const status = new Int32Array(1);
  for (;;) {
    const result = libc.waitpid(pid, ptr(status), options);
    if (result === pid) return decodeWaitStatus(status[0]!);
    if (result === 0) return "running";
    if (errno() !== EINTR) return "not-ours";
  }
}

/**
 * Returns the wait status of a process that is not our child. Until the parent reaps the process, the status comes from the zombie;
 * afterwards it comes from the kernel's record.
 */
function foreignStatus(pid: number, startTicks: number, pidfd: number): number | null {
  const stat = readStat(pid);
  if (stat?.startTicks === startTicks && stat.state === "Z") return isStatusVisible(pid, stat.waitStatus) ? stat.waitStatus : null;
  return pidfdWaitStatus(pidfd);
}

/** Returns false if /proc hides the wait status. Other users see 0, which would otherwise mean success. */
function isStatusVisible(pid: number, status: number): boolean {
  if (status !== 0 || libc.geteuid() === 0) return true;
  try {
    const uids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return uids?.slice(1).every((uid) => Number(uid) === libc.geteuid()) ?? false;
  } catch {
    return false; // the process was reaped in the meantime
  }
}
