import type * as shape from "../../api/contract/shapes.ts";
import type { HostFigures } from "../../ports/usage.ts";
import { round } from "./describe.ts";

export function hostShape({ name, cores, cpuPercent, memoryMb, availableMb, diskMb, diskFreeMb, load }: HostFigures): shape.Host {
  const whole = (value: number | null): number | null => (value === null ? null : Math.round(value));
  return {
    name,
    cores,
    cpu_percent: cpuPercent === null ? null : round(cpuPercent, 1),
    memory_mb: whole(memoryMb),
    memory_used_mb: whole(memoryMb === null || availableMb === null ? null : memoryMb - availableMb),
    disk_mb: whole(diskMb),
    disk_free_mb: whole(diskFreeMb),
    load: load === null ? null : [...load],
  };
}
