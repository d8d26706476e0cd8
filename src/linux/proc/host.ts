/** Reads figures of the whole machine: CPU, memory, load, and the file system that holds a directory. */
import { readFileSync, statfsSync } from "node:fs";
import { hostname } from "node:os";
import type { HostFigures, HostUsage } from "../../ports/usage.ts";

const MIB = 1024 * 1024;

/** Returns the figures. `directory` selects the file system to measure. `root` is a prefix of the paths below /proc, for tests. */
export function hostUsage(directory: string, root = ""): HostUsage {
  let before = cpuTimes(root);
  return {
    sample(): HostFigures {
      const now = cpuTimes(root);
      const total = now.total - before.total;
      const cpuPercent = total > 0 ? (100 * (total - (now.idle - before.idle))) / total : null;
      before = now;
      return { name: hostname(), cores: now.cores, cpuPercent, ...memory(root), ...disk(directory), load: load(root) };
    },
  };
}

/** Returns CPU time since boot in clock ticks, for all cores together. Time spent waiting for a disk counts as idle. */
function cpuTimes(root: string): { readonly total: number; readonly idle: number; readonly cores: number } {
  const text = read(`${root}/proc/stat`);
  // user nice system idle iowait irq softirq steal; user contains the time of guests, which follows as further fields
  const ticks = (/^cpu +(.*)$/m.exec(text)?.[1] ?? "").split(" ").slice(0, 8).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { total, idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), cores: text.match(/^cpu\d/gm)?.length ?? 0 };
}

function memory(root: string): Pick<HostFigures, "memoryMb" | "availableMb"> {
  const text = read(`${root}/proc/meminfo`);
  const mb = (key: string): number | null => {
    const kib = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
    return kib === undefined ? null : Number(kib) / 1024;
  };
  return { memoryMb: mb("MemTotal"), availableMb: mb("MemAvailable") };
}

/** Returns the size of the file system and the space that an unprivileged user can use. */
function disk(directory: string): Pick<HostFigures, "diskMb" | "diskFreeMb"> {
  try {
    const { bsize, blocks, bavail } = statfsSync(directory);
    return { diskMb: (blocks * bsize) / MIB, diskFreeMb: (bavail * bsize) / MIB };
  } catch {
    return { diskMb: null, diskFreeMb: null };
  }
}

function load(root: string): HostFigures["load"] {
  const [one, five, fifteen] = read(`${root}/proc/loadavg`).split(" ").map(Number);
  return fifteen === undefined ? null : [one!, five!, fifteen];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // /proc can be hidden in a container
  }
}
