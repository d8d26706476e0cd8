import { readdirSync, readFileSync } from "node:fs";

/** What a process takes of the machine now. Sizes in MB (10^6 bytes). */
export interface Footprint {
  readonly rss: number;
  /** Without what is a file's (the executable): heap, stacks, buffers. */
  readonly anonymous: number;
  /** Shared mappings with memory of their own count here too. */
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
