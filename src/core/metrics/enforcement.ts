import type { LimitSpec } from "../../spec/spec.ts";
import { amount, LIMITS, maxOf, type Limit } from "./limits.ts";

/** Why the kernel does not enforce a limit of a unit; null: it does. Of a unit that is down: why it could not. */
export type Unenforced = (limit: Limit) => string | null;

/** What is done about each limit of a unit, as sentences. */
export function enforcementWords(spec: LimitSpec, unenforced: Unenforced): string[] {
  return LIMITS.flatMap((limit) => {
    const max = maxOf(spec, limit);
    if (max === null) return [];
    const often = `${spec.sustained} ${spec.sustained === 1 ? "sample" : "samples in a row"} over it`;
    const what = { memory: "Memory", cpu: "CPU", tasks: "Tasks" }[limit];
    return [`${what}, at most ${amount(limit, max)}: ${deed(spec, limit, often, unenforced)}`];
  });
}

const BY_KERNEL: Readonly<Record<Limit, string>> = {
  memory: "the kernel kills the run that needs more (action enforce, memory.max of its cgroup)",
  cpu: "the kernel gives it no more (action enforce, cpu.max of its cgroup)",
  tasks: "the kernel refuses it any more (action enforce, pids.max of its cgroup)",
};

function deed({ action }: LimitSpec, limit: Limit, often: string, unenforced: Unenforced): string {
  if (action === "warn") return `${often} are told (action warn)`;
  if (action === "restart") return `${often} restart it (action restart)`;
  const why = unenforced(limit);
  if (why === null) return BY_KERNEL[limit];
  return limit === "memory"
    ? `looked at every second and restarted when over it (action enforce; the kernel does not hold it: ${why})`
    : `${often} are told (action enforce, but the kernel does not hold it: ${why})`;
}
