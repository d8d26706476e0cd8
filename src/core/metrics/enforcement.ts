import type { LimitSpec } from "../../spec/spec.ts";
import { amount, LIMITS, maxOf, type Limit } from "./limits.ts";

/**
 * A function that returns why the kernel does not enforce a limit of a unit, or null if the kernel enforces it. For a unit that is
 * down, the answer applies to its next run.
 */
export type Unenforced = (limit: Limit) => string | null;

/** Returns one sentence for each limit of a unit. The sentence says who enforces the limit and how. */
export function enforcementWords(spec: LimitSpec, unenforced: Unenforced): string[] {
  return LIMITS.flatMap((limit) => {
    const max = maxOf(spec, limit);
    if (max === null) return [];
    const often = spec.sustained === 1 ? "1 sample" : `${spec.sustained} consecutive samples`;
    const what = { memory: "Memory", cpu: "CPU", tasks: "Tasks" }[limit];
    return [`${what}, at most ${amount(limit, max)}: ${consequence(spec, limit, often, unenforced)}`];
  });
}

const BY_KERNEL: Readonly<Record<Limit, string>> = {
  memory: "the kernel kills the run if it exceeds this (action enforce, memory.max of its cgroup)",
  cpu: "the kernel throttles the unit (action enforce, cpu.max of its cgroup)",
  tasks: "the kernel refuses to create more (action enforce, pids.max of its cgroup)",
};

function consequence({ action, sustained }: LimitSpec, limit: Limit, often: string, unenforced: Unenforced): string {
  const warns = `${often} above this ${sustained === 1 ? "causes" : "cause"} a warning`;
  if (action === "warn") return `${warns} (action warn)`;
  if (action === "restart") return `${often} above this ${sustained === 1 ? "restarts" : "restart"} the unit (action restart)`;
  const why = unenforced(limit);
  if (why === null) return BY_KERNEL[limit];
  return limit === "memory"
    ? `checked every second; a sample above this restarts the unit (action enforce, without the kernel: ${why})`
    : `${warns} (action enforce, but the kernel cannot enforce it: ${why})`;
}
