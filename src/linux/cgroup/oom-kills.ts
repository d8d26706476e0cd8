import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Decides whether the kernel sent a SIGKILL because memory ran out. If the run's cgroup has the memory controller, its counter
 * gives a certain answer (memory.events of cgroup v2). Otherwise the counter of the whole machine is used, and each increment
 * since the last sample explains one SIGKILL of unknown origin.
 */
export class OomKills {
  readonly #vmstat: string;
  /** A value of the machine's counter. OOM kills up to this value are already attributed to an exit, or are too old to explain one. */
  #attributed: number | null;

  constructor(vmstat = "/proc/vmstat") {
    this.#vmstat = vmstat;
    this.#attributed = countIn(vmstat);
  }

  /** Called with every sample, because an OOM kill before the sample explains no later exit. */
  resetBaseline(): void {
    this.#attributed = countIn(this.#vmstat);
  }

  /**
   * Returns true if the kernel killed a process of the run that has just ended. `directories` are the run's cgroups. If `certain`
   * is set, the machine's counter is ignored.
   */
  wasKilled(directories: readonly string[], certain = false): boolean {
    const own = directories.flatMap((directory) => countIn(join(directory, "memory.events")) ?? []);
    if (own.length > 0 || certain) return own.some((count) => count > 0);
    const now = countIn(this.#vmstat);
    if (now === null || this.#attributed === null || now <= this.#attributed) return false;
    this.#attributed++;
    return true;
  }
}

/** Returns the counter `oom_kill` in the file, or null if the kernel has none (before Linux 4.13) or the file does not exist. */
function countIn(path: string): number | null {
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(path, "latin1")) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
