/** CPU and memory of whole trees: one sweep of /proc finds the processes of all units, pidusage measures them. */
import { readStat, type Stat } from "../linux/proc.ts";
import type { ProcessTable } from "../linux/processes.ts";
import type { ProcessRef, TreeOf } from "../ports/processes.ts";
import type { Sample, Usage } from "../ports/usage.ts";

type Pidusage = (typeof import("pidusage"))["default"];

const MIB = 1024 * 1024;

export function processUsage(table: Pick<ProcessTable, "membersOfAll">): Usage {
  return new PidUsage(table);
}

class PidUsage implements Usage {
  private readonly table: Pick<ProcessTable, "membersOfAll">;
  private pidusage: Pidusage | null = null;
  /** Start ticks by pid of what was measured before: a first measure has nothing to compare with. */
  private measured = new Map<number, number>();

  constructor(table: Pick<ProcessTable, "membersOfAll">) {
    this.table = table;
  }

  async sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>> {
    if (trees.size === 0) return new Map();
    const members = this.table.membersOfAll(trees);
    const pids = [...members.values()].flatMap((stats) => stats.map((stat) => stat.pid));
    const numbers = await this.measure(pids);
    const samples = new Map<string, Sample>();
    const now = new Map<number, number>();
    for (const [unit, stats] of members) {
      const sample = this.sum(stats, numbers, now);
      if (sample) samples.set(unit, sample);
    }
    this.measured = now;
    if ([...members.values()].flat().some((stat) => !now.has(stat.pid) && isStillThere(stat))) {
      // pidusage keeps a file of each pid open and never notices that the pid has a new owner: it must start over.
      this.pidusage?.clear();
      this.measured = new Map();
    }
    return samples;
  }

  forget(ref: ProcessRef): void {
    if (this.measured.get(ref.pid) === ref.startTicks) this.measured.delete(ref.pid);
  }

  /** Null when all of them vanished between the sweep and the measure. */
  private sum(stats: readonly Stat[], numbers: Numbers, now: Map<number, number>): Sample | null {
    let cpuPercent: number | null = null;
    let bytes = 0;
    let tasks = 0;
    for (const { pid, startTicks, threads } of stats) {
      const measured = numbers[pid];
      if (!measured) continue;
      now.set(pid, startTicks);
      bytes += measured.memory;
      tasks += threads;
      if (this.measured.get(pid) === startTicks) cpuPercent = (cpuPercent ?? 0) + Math.max(0, measured.cpu);
    }
    return tasks === 0 ? null : { cpuPercent, memoryMb: bytes / MIB, tasks };
  }

  /** Processes that vanished are absent. pidusage answers with an error only when every single one has. */
  private async measure(pids: number[]): Promise<Numbers> {
    if (pids.length === 0) return {};
    process.env.PIDUSAGE_SILENT ??= "1"; // it would write about a missing getconf to the terminal
    this.pidusage ??= (await import("pidusage")).default;
    try {
      return await this.pidusage(pids);
    } catch (error) {
      if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return {};
      throw error;
    }
  }
}

const isStillThere = ({ pid, startTicks }: Stat): boolean => readStat(pid)?.startTicks === startTicks;

type Numbers = Record<number, { readonly cpu: number; readonly memory: number } | undefined>;
