import type { Live } from "../session.ts";
import { time } from "../process.ts";
import { median } from "../stats.ts";

export interface CliResult {
  readonly isActiveMs: number;
  readonly statusMs: number;
}

const BUDGET_MS = 10_000;

/** Measures the wall time of querying one service, and of listing all services. Each result is the median of up to 20 runs. */
export async function measureCli({ running }: Live): Promise<CliResult | null> {
  if (!running.commands) return null;
  const { isActive, status, env } = running.commands;
  return { isActiveMs: await repeat(isActive, env), statusMs: await repeat(status, env) };
}

async function repeat(command: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  await time(command, env); // the first run reads the program from disk
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < 20 && performance.now() - begin < BUDGET_MS) times.push(await time(command, env));
  return median(times);
}
