import type { Live } from "../session.ts";
import { nowNs } from "../native.ts";
import { until } from "../process.ts";
import { median, quantile } from "../stats.ts";

export interface RestartResult {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly count: number;
}

/** Measures the time from SIGKILL of the service to the first instruction of its next run. Repeats this `count` times. */
export async function measureRestart({ starts }: Live, count: number, paceMs: number): Promise<RestartResult> {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    await Bun.sleep(paceMs);
    const before = starts.refresh();
    const killedNs = nowNs();
    process.kill(starts.all.at(-1)!.pid, "SIGKILL");
    await until(() => starts.refresh() > before, "the restart", 10_000);
    latencies.push((starts.all[before]!.ns - killedNs) / 1e6);
  }
  return { medianMs: median(latencies), p95Ms: quantile(latencies, 0.95), count };
}
