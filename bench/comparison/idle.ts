import type { Live } from "../session.ts";
import { cpuNs, pssMb, rssMb } from "../process.ts";

export interface IdleResult {
  readonly cpuSecondsPerMinute: number;
  /** Resident memory. Shared libraries count once for every process. */
  readonly rssMb: number;
  /** Resident memory. Each process counts its share of a page that several processes use. */
  readonly pssMb: number;
  readonly processes: number;
}

const SETTLE_MS = 3_000;

/** Measures the CPU time and memory of the supervisor while nothing happens, `settleMs` after the start. The services are not counted. */
export async function measureIdle({ running }: Live, windowMs: number, settleMs = SETTLE_MS): Promise<IdleResult> {
  await Bun.sleep(settleMs);
  const pids = running.supervisors();
  const sum = (of: (pid: number) => number): number => pids.reduce((total, pid) => total + of(pid), 0);
  const before = sum(cpuNs);
  const begin = performance.now();
  await Bun.sleep(windowMs);
  const minutes = (performance.now() - begin) / 60_000;
  return { cpuSecondsPerMinute: (sum(cpuNs) - before) / 1e9 / minutes, rssMb: sum(rssMb), pssMb: sum(pssMb), processes: pids.length };
}
