import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Decides whether the kernel sent a SIGKILL because memory ran out. The run's cgroup says so with certainty where it has the
 * memory controller (memory.events of cgroup v2). Elsewhere the counter of the whole machine is used: each increment since the
 * last sample explains one SIGKILL of unknown origin.
 */
export class OomKills {
  readonly #vmstat: string;
  /** The machine's count of OOM kills that are attributed to a process or happened before the last sample. */
  #attributed: number | null;

  constructor(vmstat = "/proc/vmstat") {
    this.#vmstat = vmstat;
    this.#attributed = countIn(vmstat);
  }

  /** Called with every sample: earlier kills explain no later exit. */
  resetBaseline(): void {
    this.#attributed = countIn(this.#vmstat);
  }

  /** `directories`: the cgroups of the run that has just ended. `certain`: ignore the machine's counter. */
  wasKilled(directories: readonly string[], certain = false): boolean {
    const own = directories.flatMap((directory) => countIn(join(directory, "memory.events")) ?? []);
    if (own.length > 0 || certain) return own.some((count) => count > 0);
    const now = countIn(this.#vmstat);
    if (now === null || this.#attributed === null || now <= this.#attributed) return false;
    this.#attributed++;
    return true;
  }
}

/** The counter `oom_kill` in the file; null where the kernel has none (before Linux 4.13) or the file does not exist. */
function countIn(path: string): number | null {
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(path, "latin1")) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
