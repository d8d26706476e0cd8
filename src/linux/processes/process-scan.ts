import { clockTicks } from "../proc/boot.ts";
import { bootTimeMs } from "../proc/clocks.ts";
import { listPids, type Stat, statsOf } from "../proc/proc.ts";

/** A process younger than this may be in the middle of its exec: what it is cannot be told yet. */
const SETTLED_MS = 10_000;
/** After so many looks everything is read again: a number may have got a new owner between two looks. */
const LOOKS = 12;

/**
 * Repeated looks at the machine's processes, for measuring: reading one costs some 15 µs, and most have nothing to do
 * with us. Those that belonged to no tree when they were old enough to tell are left out for a minute.
 */
export class ProcessScan {
  readonly #ticksPerMs = clockTicks() / 1000;
  #strangers = new Set<number>();
  #looks = 0;

  /** All processes but the known strangers. */
  take(): Stat[] {
    const pids = listPids();
    if (++this.#looks % LOOKS === 0) this.#strangers.clear();
    const still = new Set<number>();
    for (const pid of pids) if (this.#strangers.has(pid)) still.add(pid);
    this.#strangers = still;
    return statsOf(pids.filter((pid) => !still.has(pid)));
  }

  /** Remembers which of them belong to nobody. */
  setAside(seen: readonly Stat[], members: Iterable<readonly Stat[]>): void {
    const ours = new Set<number>([process.pid]);
    for (const stats of members) for (const stat of stats) ours.add(stat.pid);
    const settled = (bootTimeMs() - SETTLED_MS) * this.#ticksPerMs;
    for (const { pid, startTicks } of seen) if (!ours.has(pid) && startTicks < settled) this.#strangers.add(pid);
  }
}
