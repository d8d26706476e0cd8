/**
 * Adopts and reaps orphans. As a subreaper (prctl(2)) the daemon becomes the parent of processes whose parent has ended, so
 * orphans stay in the daemon's process tree. A parent must reap its children, as must pid 1 of a container. Bun reaps its own
 * children, so an unknown zombie counts as an orphan only if Bun has not reaped it within a second.
 */
import type { Exit } from "../../base/exit.ts";
import { waitForChild } from "./exit-watcher.ts";
import { libc } from "../ffi/libc.ts";
import { allStats, ownChildren, readStat } from "../proc/proc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const GRACE_MS = 1000;

/** Returns false if the kernel refuses. The daemon then finds fewer of the processes that daemonised. */
export function becomeSubreaper(): boolean {
  return process.pid === 1 || libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0;
}

export interface ReaperOptions {
  /** Returns true if other code waits for the exit of this process, so that the reaper must leave it alone. */
  readonly isAwaited: (pid: number) => boolean;
  readonly onReaped: ((pid: number, exit: Exit) => void) | undefined;
}

/** Reaps orphans one to two seconds after they end. Returns a function that stops this. */
export function reapOrphans({ isAwaited, onReaped }: ReaperOptions): () => void {
  let timer: Timer | null = null;
  /** Zombies of the previous scan with their start ticks. Since that scan, Bun has had a full turn of its loop to reap its own children. */
  let suspects = new Map<number, number>();

  const scan = (): void => {
    timer = null;
    const now = new Map<number, number>();
    for (const pid of ownChildren() ?? childrenByFullScan()) {
      if (isAwaited(pid)) continue;
      const stat = readStat(pid);
      if (stat?.state !== "Z") continue;
      const exit = suspects.get(pid) === stat.startTicks ? waitForChild(pid, WNOHANG) : "running";
      if (exit === "running") now.set(pid, stat.startTicks);
      else if (exit !== "not-ours") onReaped?.(pid, exit);
    }
    suspects = now;
    if (suspects.size > 0) schedule();
  };
  const schedule = (): void => {
    timer ??= setTimeout(scan, GRACE_MS);
  };

  process.on("SIGCHLD", schedule);
  schedule(); // catches processes that ended before the handler was installed
  return () => {
    process.off("SIGCHLD", schedule);
    if (timer !== null) clearTimeout(timer);
  };
}

/** Finds our children on kernels without CONFIG_PROC_CHILDREN. */
function childrenByFullScan(): number[] {
  return allStats().flatMap((stat) => (stat.parent === process.pid ? [stat.pid] : []));
}
