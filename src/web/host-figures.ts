import type { Host } from "../api/contract/shapes.ts";
import { mebibytes, NONE } from "./format.ts";
import type { Tone } from "./trouble.ts";

/** One figure of the machine. `tone` is `quiet` unless the figure needs attention. */
export interface HostFigure {
  readonly name: string;
  readonly text: string;
  readonly tone: Tone;
  readonly title: string;
}

/** Returns the figures to show. At 90 % of memory or disk space a figure becomes a warning, and at 95 % it becomes critical. */
export function figuresOf(host: Host): readonly HostFigure[] {
  const memory = share(host.memory_used_mb, host.memory_mb);
  const used = host.disk_mb === null || host.disk_free_mb === null ? null : host.disk_mb - host.disk_free_mb;
  const disk = share(used, host.disk_mb);
  const load = host.load?.[0] ?? null;
  return [
    {
      name: "CPU",
      text: percentOf(host.cpu_percent),
      tone: toneAt(host.cpu_percent, 90, 101),
      title: `of ${host.cores} ${host.cores === 1 ? "core" : "cores"}`,
    },
    {
      name: "Mem",
      text: percentOf(memory),
      tone: toneAt(memory, 90, 95),
      title: `${mebibytes(host.memory_used_mb)} of ${mebibytes(host.memory_mb)} used`,
    },
    {
      name: "Disk",
      text: percentOf(disk),
      tone: toneAt(disk, 90, 95),
      title: `${mebibytes(host.disk_free_mb)} of ${mebibytes(host.disk_mb)} free, where the logs are`,
    },
    {
      name: "Load",
      text: load === null ? NONE : load.toFixed(load < 10 ? 1 : 0),
      tone: toneAt(load, 2 * host.cores, Number.POSITIVE_INFINITY),
      title: host.load === null ? "unknown" : `${host.load.join(", ")} over 1, 5 and 15 minutes`,
    },
  ];
}

const share = (part: number | null, whole: number | null): number | null => (part === null || !whole ? null : (100 * part) / whole);
const percentOf = (value: number | null): string => (value === null ? NONE : `${Math.round(value)} %`);
const toneAt = (value: number | null, warning: number, bad: number): Tone =>
  value === null || value < warning ? "quiet" : value < bad ? "warning" : "bad";
