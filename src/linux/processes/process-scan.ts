import { clockTicks } from "../proc/boot.ts";
import { bootTimeMs } from "../proc/clocks.ts";
import { libc } from "../ffi/libc.ts";
import { NOT_OPEN, type ProcessStats } from "../proc/process-stats.ts";
import { listPids, type Stat } from "../proc/proc.ts";

/** Minimum age at which a process is certain to have finished its exec, so that its run is known. */
const MIN_AGE_MS = 10_000;
/** Every 12th scan reads all processes again, because pids may have been reused. */
const FULL_SCAN_EVERY = 12;

/**
 * Repeatedly scans all processes for the sampler. Reading one process costs about 8 µs, and most processes belong to no unit.
 * Therefore a process that is old enough to be identified and belongs to no tree is skipped for a minute. While descriptors
 * are plentiful, the scan keeps a descriptor open for each member of a tree, so that reading it costs 4 µs.
 */
export class ProcessScan {
  readonly #ticksPerMs = clockTicks() / 1000;
  readonly #stats: ProcessStats;
  #unrelated = new Set<number>();
  /** The descriptor of /proc/PID/stat for each member of a tree. */
  readonly #kept = new Map<number, number>();
  #scans = 0;

  constructor(stats: ProcessStats) {
    this.#stats = stats;
  }

  /** Returns all processes except those known to be unrelated, and those in `unchanged`. */
  scan(unchanged: ReadonlySet<number>): Stat[] {
    this.#count();
    const unrelated = new Set<number>();
    const pids: number[] = [];
    for (const pid of listPids()) {
      if (this.#unrelated.has(pid)) unrelated.add(pid);
      else if (!unchanged.has(pid)) pids.push(pid);
    }
    this.#unrelated = unrelated;
    return this.#stats.read(pids, this.#kept);
  }

  /** Call this instead of `scan` and `finish` if the scan would look for no tree. */
  skip(mayKeep: boolean): void {
    this.#count();
    if (!mayKeep) this.close();
  }

  #count(): void {
    if (++this.#scans % FULL_SCAN_EVERY === 0) this.#unrelated.clear();
  }

  /**
   * Marks the scanned processes that are in no tree as unrelated. If `mayKeep` is set, descriptors of the tree members and of
   * the processes in `unchanged` stay open.
   */
  finish(
    scanned: readonly Stat[],
    members: Iterable<readonly Stat[]>,
    { unchanged, mayKeep }: { readonly unchanged: ReadonlySet<number>; readonly mayKeep: boolean },
  ): void {
    const ours = new Set<number>(unchanged);
    for (const stats of members) for (const stat of stats) ours.add(stat.pid);
    this.#keep(mayKeep ? ours : new Set());
    ours.add(process.pid);
    const youngest = (bootTimeMs() - MIN_AGE_MS) * this.#ticksPerMs;
    for (const { pid, startTicks } of scanned) if (!ours.has(pid) && startTicks < youngest) this.#unrelated.add(pid);
  }

  close(): void {
    this.#keep(new Set());
  }

  #keep(pids: ReadonlySet<number>): void {
    for (const [pid, fd] of this.#kept) {
      if (pids.has(pid)) continue;
      if (fd !== NOT_OPEN) libc.close(fd);
      this.#kept.delete(pid);
    }
    for (const pid of pids) if (!this.#kept.has(pid)) this.#kept.set(pid, NOT_OPEN);
  }
}
