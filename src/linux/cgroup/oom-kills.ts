import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Whether a SIGKILL came from the kernel because memory ran out. The run's own cgroup knows for certain where it has the
 * memory controller (memory.events of cgroup v2). Elsewhere there is the count of the whole machine: one more than at the last
 * look, which was a sample ago, explains one SIGKILL that nobody else is known to have sent.
 */
export class OomKills {
  readonly #vmstat: string;
  #explained: number | null;

  constructor(vmstat = "/proc/vmstat") {
    this.#vmstat = vmstat;
    this.#explained = countIn(vmstat);
  }

  /** On every sample: what happened until now explains nothing that comes. */
  look(): void {
    this.#explained = countIn(this.#vmstat);
  }

  /** `directories`: the cgroups of the run that has just ended. `certain`: what the machine's count suggests is not enough. */
  killed(directories: readonly string[], certain = false): boolean {
    const own = directories.flatMap((directory) => countIn(join(directory, "memory.events")) ?? []);
    if (own.length > 0 || certain) return own.some((count) => count > 0);
    const now = countIn(this.#vmstat);
    if (now === null || this.#explained === null || now <= this.#explained) return false;
    this.#explained++;
    return true;
  }
}

/** The line `oom_kill` of the file; null where the kernel does not count (before Linux 4.13) or there is no such file. */
function countIn(path: string): number | null {
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(path, "latin1")) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
