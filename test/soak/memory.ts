import { readdirSync, readFileSync } from "node:fs";

/** Resources that a process uses now. Sizes in MB (10^6 bytes). */
export interface Footprint {
  readonly rss: number;
  /** Memory that is not backed by a file (such as the executable): heap, stacks, buffers. */
  readonly anonymous: number;
  /** Proportional set size: also counts the process's part of shared mappings. */
  readonly pss: number;
  readonly fds: number;
  readonly threads: number;
}

export function footprintOf(pid: number): Footprint {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const mb = (name: string): number => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)![1]) * 1024) / 1e6;
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return {
    rss: mb("Rss"),
    anonymous: mb("Anonymous"),
    pss: mb("Pss"),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)![1]),
  };
}
