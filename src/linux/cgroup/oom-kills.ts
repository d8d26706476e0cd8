import { KeptFile } from "../proc/kept-file.ts";
import { readShort } from "./files.ts";

/**
 * Decides whether the kernel sent a SIGKILL because memory ran out. If the run's cgroup has the memory controller, its counter
 * gives a certain answer (memory.events of cgroup v2). Otherwise the counter of the whole machine is used, and each increment
 * since the last sample explains one SIGKILL of unknown origin.
 */
export class OomKills {
  readonly #vmstat: KeptFile;
  /** A value of the machine's counter. OOM kills up to this value are already attributed to an exit, or are too old to explain one. */
  #attributed: number | null;

  constructor(vmstat = "/proc/vmstat") {
    this.#vmstat = new KeptFile(vmstat);
    this.#attributed = countIn(this.#vmstat.read());
  }

  /** Called with every sample, because an OOM kill before the sample explains no later exit. */
  resetBaseline(): void {
    this.#attributed = countIn(this.#vmstat.read());
  }

  /**
   * Returns true if the kernel killed a process of the run that has just ended. `directories` are the run's cgroups. If `certain`
   * is set, the machine's counter is ignored.
   */
  wasKilled(directories: readonly string[], certain = false): boolean {
    const own = directories.flatMap((directory) => countIn(readShort(`${directory}/memory.events`)) ?? []);
    if (own.length > 0 || certain) return own.some((count) => count > 0);
    const now = countIn(this.#vmstat.read());
    if (now === null || this.#attributed === null || now <= this.#attributed) return false;
    this.#attributed++;
    return true;
  }
}

const KEY = "\noom_kill ";

/** Returns the counter `oom_kill`, or null if the kernel has none (before Linux 4.13). It is never on the first line of a file. */
function countIn(content: Buffer | null): number | null {
  const at = content?.indexOf(KEY) ?? -1;
  return at < 0 ? null : Number.parseInt(content!.toString("latin1", at + KEY.length, at + KEY.length + 20), 10);
}
