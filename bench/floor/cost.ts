import { childrenOf, cpuNs, nameOf, run, until } from "../process.ts";
import type { Live } from "../session.ts";
import { median } from "../stats.ts";

/**
 * CPU time in milliseconds. Unlike wall time, it hardly depends on the load of the machine. Other programs can only increase
 * it, so the lowest of several measurements counts. For restarts with a pause, the median counts.
 */
export interface Cost {
  /** CPU time per restart, with a pause after each restart. */
  readonly restart: number;
  /** CPU time per restart when all services are killed at once. */
  readonly restartTogether: number;
}

const PACE_MS = 150;
const RESTARTS = 20;
const ROUNDS = 3;
/** Pause between rounds. sup delays further starts of a unit after more than ten starts within a second. */
const BETWEEN_ROUNDS_MS = 1000;
/** The daemon samples its units every five seconds. */
const PERIOD_MS = 5000;
const PERIODS = 4;
const TIMEOUT_MS = 20_000;

/** Measures restarts after SIGKILL. */
export async function measureCost(live: Live): Promise<Cost> {
  return { restart: await one(live), restartTogether: await together(live) };
}

/** Returns the CPU time that the supervisor and its helper processes have used, in milliseconds. */
export function cpuMs({ running }: Live): number {
  const pids = running.supervisors().flatMap((pid) => [pid, ...childrenOf(pid).filter((child) => nameOf(child)?.startsWith("sup-"))]);
  return pids.reduce((sum, pid) => sum + cpuNs(pid), 0) / 1e6;
}

/** Returns the CPU time in milliseconds of one minute at rest. Each measurement contains one sample of the units. */
export async function measureRest(live: Live): Promise<number> {
  const costs: number[] = [];
  for (let period = 0; period < PERIODS; period++) {
    const begin = cpuMs(live);
    await Bun.sleep(PERIOD_MS);
    costs.push((cpuMs(live) - begin) * (60_000 / PERIOD_MS));
  }
  return Math.min(...costs);
}

/** Returns the CPU time in milliseconds of one stop when all units are stopped at once. Leaves all units stopped. */
export async function measureStops(live: Live): Promise<number> {
  const { running, starts } = live;
  const { status, env } = running.commands!;
  const count = starts.current().size;
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) {
      const before = starts.refresh();
      await run([status[0]!, "start", "*"], { env, mustSucceed: true });
      await until(() => starts.refresh() >= before + count, "the starts", TIMEOUT_MS);
      await Bun.sleep(BETWEEN_ROUNDS_MS);
    }
    const begin = cpuMs(live);
    await running.stopAll();
    costs.push((cpuMs(live) - begin) / count);
  }
  return Math.min(...costs);
}

async function one(live: Live): Promise<number> {
  const { starts } = live;
  const costs: number[] = [];
  for (let i = 0; i < RESTARTS; i++) {
    const begin = cpuMs(live);
    const before = starts.refresh();
    process.kill(starts.all.at(-1)!.pid, "SIGKILL");
    await until(() => starts.refresh() > before, "the restart", TIMEOUT_MS);
    await Bun.sleep(PACE_MS);
    costs.push(cpuMs(live) - begin);
  }
  return median(costs);
}

async function together(live: Live): Promise<number> {
  const { starts } = live;
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = cpuMs(live);
    const before = starts.refresh();
    const pids = [...starts.current().values()].map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until(() => starts.refresh() >= before + pids.length, "the restarts", TIMEOUT_MS);
    await Bun.sleep(BETWEEN_ROUNDS_MS);
    costs.push((cpuMs(live) - begin) / pids.length);
  }
  return Math.min(...costs);
}
