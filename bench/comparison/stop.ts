import type { Live } from "../session.ts";
import { alive, until } from "../process.ts";

/**
 * Measures the milliseconds from the start of the command that stops all services until the command has exited and no service is
 * left.
 */
export async function measureStop({ running, starts }: Live): Promise<number> {
  const pids = [...starts.current().values()].map(({ pid }) => pid);
  const begin = performance.now();
  await running.stopAll();
  await until(() => !pids.some(alive), "the services to end", 20_000);
  return performance.now() - begin;
}
