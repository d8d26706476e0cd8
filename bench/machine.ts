import { cpus, loadavg, release, totalmem } from "node:os";

/** Returns one line that describes the machine. */
export function describeMachine(): string {
  const list = cpus();
  const model = list[0]?.model.trim() ?? "unknown CPU";
  return `${list.length} × ${model}, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()} ${process.arch}, load ${loadavg()[0]!.toFixed(2)}`;
}
