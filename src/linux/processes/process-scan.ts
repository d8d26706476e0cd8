import { clockTicks } from "../proc/boot.ts";
import { bootTimeMs } from "../proc/clocks.ts";
import { listPids, type Stat, statsOf } from "../proc/proc.ts";

/** A younger process may be in the middle of exec, so its run may not be known yet. */
const MIN_AGE_MS = 10_000;
/** Every 12th scan reads all processes again, because pids may have been reused. */
const FULL_SCAN_EVERY = 12;

/**
 * Repeatedly scans all processes for the sampler. Reading one process costs about 15 µs, and most processes belong to no unit. So
 * a process that is old enough to be identified and belongs to no tree is skipped for a minute.
 */
export class ProcessScan {
  readonly #ticksPerMs = clockTicks() / 1000;
  #unrelated = new Set<number>();
  #scans = 0;

  /** Returns all processes except those known to be unrelated. */
  scan(): Stat[] {
    const pids = listPids();
    if (++this.#scans % FULL_SCAN_EVERY === 0) this.#unrelated.clear();
    const unrelated = new Set<number>();
    for (const pid of pids) if (this.#unrelated.has(pid)) unrelated.add(pid);
    this.#unrelated = unrelated;
    return statsOf(pids.filter((pid) => !unrelated.has(pid)));
  }

  /** Marks the scanned processes that are in no tree as unrelated. */
  skipUnrelated(scanned: readonly Stat[], members: Iterable<readonly Stat[]>): void {
    const ours = new Set<number>([process.pid]);
    for (const stats of members) for (const stat of stats) ours.add(stat.pid);
    const youngest = (bootTimeMs() - MIN_AGE_MS) * this.#ticksPerMs;
    for (const { pid, startTicks } of scanned) if (!ours.has(pid) && startTicks < youngest) this.#unrelated.add(pid);
  }
}
