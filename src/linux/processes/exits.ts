/**
 * Learns of the end of single processes, one pidfd each in the hub. The exit status comes from waitpid for our own
 * children; never from waitpid(-1), which would steal the children of Bun. For processes that an earlier daemon
 * spawned it comes from their zombie, or from the kernel's memory of it (see `strangerStatus`).
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

type Named = Pick<ProcessRef, "pid" | "startTicks">;

interface Watched {
  readonly process: Named;
  readonly pidfd: number;
  readonly stop: () => void;
}

const WNOHANG = 1;
const EINTR = 4;
const ESRCH = 3;

export class Exits {
  readonly #watched = new Map<number, Watched>();
  readonly #epoll: Epoll;
  readonly #keeper: Keeper;

  constructor(epoll: Epoll, keeper: Keeper) {
    this.#epoll = epoll;
    this.#keeper = keeper;
  }

  /** True while the process is ours to wait for and its end has not been told. */
  has(pid: number): boolean {
    return this.#watched.has(pid);
  }

  /** The descriptor of exactly this process, or null. */
  pidfdOf(pid: number, startTicks: number): number | null {
    const watch = this.#watched.get(pid);
    return watch?.process.startTicks === startTicks ? watch.pidfd : null;
  }

  /** Calls back once, from the loop. `kept`: the next daemon is to know the end, too. 0, or the errno why it cannot be watched (ESRCH: no such process, or another of that pid). */
  watch(pid: number, startTicks: number, kept: boolean, onExit: (exit: Exit) => void): number {
    const pidfd = pidfdOpen(pid); // first the descriptor, then the look: so the look is about the same process
    if (pidfd < 0) return -pidfd;
    const refusal = compare(pid, startTicks);
    if (refusal === 0) return this.#add({ pid, startTicks }, pidfd, kept, onExit);
    libc.close(pidfd);
    return refusal;
  }

  /** The same for a child that was just made: its pid cannot have another owner before we have waited for it. */
  watchChild(child: Named, kept: boolean, onExit: (exit: Exit) => void): number {
    const pidfd = pidfdOpen(child.pid);
    return pidfd < 0 ? -pidfd : this.#add(child, pidfd, kept, onExit);
  }

  #add(process: Named, pidfd: number, kept: boolean, onExit: (exit: Exit) => void): number {
    let handle: EpollHandle;
    const stop = (): void => {
      handle.remove();
      this.#keeper.drop(keeperKey.process(process.pid));
      libc.close(pidfd);
      this.#watched.delete(process.pid);
    };
    const before = this.#watched.get(process.pid);
    if (before?.process.startTicks === process.startTicks) before.stop(); // a second watch takes the place of the first
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

  /** How a process of the last daemon ended while there was none; null when that is not known. */
  ofTheLast(pid: number): Exit | null {
    const pidfd = this.#keeper.takeBack(keeperKey.process(pid));
    if (pidfd === null) return null;
    const status = pidfdWaitStatus(pidfd);
    libc.close(pidfd);
    return status === null ? null : decodeWaitStatus(status);
  }

  /** Ends all watches; the processes go on. */
  close(): void {
    for (const watch of [...this.#watched.values()]) watch.stop();
  }

  /** Null: it has not ended after all. */
  #statusOf(process: Named, pidfd: number): Exit | null {
    const { pid, startTicks } = process; // of a child perhaps read only now, the last moment: its zombie still tells
    const result = waitFor(pid, WNOHANG);
    if (result === "running") return null;
    if (result !== "not-ours") return result;
    const status = strangerStatus(pid, startTicks, pidfd);
    return status === null ? { kind: "lost" } : decodeWaitStatus(status);
  }
}

/** 0 when it is that process; ESRCH when not; another errno when /proc cannot be read (EMFILE). */
function compare(pid: number, startTicks: number): number {
  try {
    return readStat(pid)?.startTicks === startTicks ? 0 : ESRCH;
  } catch (error) {
    return Math.abs((error as NodeJS.ErrnoException).errno ?? ESRCH);
  }
}

/** waitpid(2) for one child of ours. */
export function waitFor(pid: number, options: number): Exit | "running" | "not-ours" {
  const status = new Int32Array(1);
  for (;;) {
    const result = libc.waitpid(pid, ptr(status), options);
    if (result === pid) return decodeWaitStatus(status[0]!);
    if (result === 0) return "running";
    if (errno() !== EINTR) return "not-ours";
  }
}

/** The wait status of a process that is not our child: its zombie's while its parent has not reaped it, else the kernel's record. */
function strangerStatus(pid: number, startTicks: number, pidfd: number): number | null {
  const stat = readStat(pid);
  if (stat?.startTicks === startTicks && stat.state === "Z") return maySeeStatus(pid, stat.waitStatus) ? stat.waitStatus : null;
  return pidfdWaitStatus(pidfd);
}

/** To other users /proc shows a wait status of 0, which would read as a success. */
function maySeeStatus(pid: number, status: number): boolean {
  if (status !== 0 || libc.geteuid() === 0) return true;
  try {
    const uids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return uids?.slice(1).every((uid) => Number(uid) === libc.geteuid()) ?? false;
  } catch {
    return false; // reaped this moment
  }
}
