/**
 * Orphans. As a "subreaper" (prctl(2)) the daemon becomes the parent of what its services leave behind, so their trees
 * stay in sight; as their parent it must also reap them, in a container as PID 1 too. Bun has children of its own and
 * waits for them itself, so a zombie that nobody here knows is left to it for a second before it counts as an orphan.
 */
import type { Exit } from "../../base/exit.ts";
import { waitForChild } from "./exit-watcher.ts";
import { libc } from "../ffi/libc.ts";
import { allStats, ownChildren, readStat } from "../proc/proc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const GRACE_MS = 1000;

/** False where the kernel will not have it; the daemon then sees less of what daemonised away. */
export function becomeSubreaper(): boolean {
  return process.pid === 1 || libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0;
}

export interface ReaperOptions {
  /** Processes whose exit somebody waits for by pid. */
  readonly isAwaited: (pid: number) => boolean;
  readonly onReaped: ((pid: number, exit: Exit) => void) | undefined;
}

/** Reaps orphans one to two seconds after their end. Returns a stop. */
export function reapOrphans({ isAwaited, onReaped }: ReaperOptions): () => void {
  let timer: Timer | null = null;
  /** Zombies of the last look with their start ticks: Bun had a full turn of its loop since to take its own. */
  let suspects = new Map<number, number>();

  const look = (): void => {
    timer = null;
    const now = new Map<number, number>();
    for (const pid of ownChildren() ?? childrenBySweep()) {
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
    timer ??= setTimeout(look, GRACE_MS);
  };

  process.on("SIGCHLD", schedule);
  schedule(); // what ended before we listened
  return () => {
    process.off("SIGCHLD", schedule);
    if (timer !== null) clearTimeout(timer);
  };
}

/** For kernels without CONFIG_PROC_CHILDREN. */
function childrenBySweep(): number[] {
  return allStats().flatMap((stat) => (stat.parent === process.pid ? [stat.pid] : []));
}
