import { SIGNALS } from "../../base/signals.ts";
import { libc, SYSCALL, syscall } from "../ffi/libc.ts";
import { readStat } from "../proc/proc.ts";
import { waitForChild } from "../processes/exit-watcher.ts";
import { pidfdOpen, pidfdSignal } from "../processes/pidfd.ts";
import { type KeeperId, readKeeperFile } from "./keeper-file.ts";

/** The keeper of the previous daemon. There are two if that daemon was killed while it replaced the keeper of its predecessor. */
export interface PreviousKeepers {
  readonly ids: readonly KeeperId[];
  /** Returns a copy of the descriptor that is held under this key (pidfd_getfd(2)), or null if there is none. */
  take(key: string): number | null;
  end(): void;
}

/** Returns null if no keeper is alive. */
export function findPreviousKeepers(path: string): PreviousKeepers | null {
  const { keepers: recorded, slots } = readKeeperFile(path);
  const alive = recorded.flatMap((id) => {
    const pidfd = pidfdOpen(id.pid);
    if (pidfd < 0) return [];
    // The start time is read after the pidfd is open, so both belong to the same process.
    if (readStat(id.pid)?.startTicks === id.startTicks) return [{ ...id, pidfd }];
    libc.close(pidfd);
    return [];
  });
  if (alive.length === 0) return null;
  return {
    ids: alive,
    take(key) {
      const slot = slots.get(key);
      const fd = slot === undefined ? -1 : syscall(SYSCALL.pidfd_getfd, alive[0]!.pidfd, slot);
      return fd < 0 ? null : fd;
    },
    end() {
      for (const { pid, pidfd } of alive) {
        pidfdSignal(pidfd, SIGNALS.SIGKILL);
        libc.close(pidfd);
        waitForChild(pid, 0); // after a re-exec it is our child
      }
    },
  };
}
