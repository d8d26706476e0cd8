import type { Unenforced } from "../../core/metrics/enforcement.ts";
import { LIMITS, type Limit, type Sampled } from "../../core/metrics/limits.ts";
import { isProbed } from "../../core/unit/phase.ts";
import type { Measurement } from "../../core/world/types.ts";
import type { Entry, Turn, World } from "../../core/world/world.ts";
import type { Processes, TreeOf } from "../../ports/processes.ts";
import type { Usage } from "../../ports/usage.ts";
import type { Engine } from "../engine/engine.ts";
import { boundsOf } from "../engine/launcher.ts";

export interface Enforcement {
  readonly processes: Pick<Processes, "bind" | "unheld">;
  readonly invocationOf: (id: string, run: number) => string;
}

export interface LimiterOptions extends Enforcement {
  readonly world: World;
  readonly engine: Pick<Engine, "post" | "watch">;
  readonly usage: Usage;
  readonly bug: (message: string, error?: unknown) => void;
}

/** Interval of memory samples for a unit with `action: enforce` if there is no cgroup that limits its memory. */
const ENFORCE_EVERY_MS = 1000;

/**
 * Passes each round of samples to the world, which compares them with the limits. With `action: enforce`, it also sets the limits of
 * the run's cgroup. They apply from the first process of the run on. If no cgroup limits the memory of such a unit, its memory is
 * sampled every second.
 */
export class Limiter {
  readonly #o: LimiterOptions;
  #timer: Timer | null = null;

  constructor(options: LimiterOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#onTurn(turn));
  }

  /** Applies the limits to the runs of an earlier daemon again. Must be called once these runs are adopted. */
  start(): void {
    for (const [id, entry] of this.#o.world.entries()) this.#bind(id, entry);
    this.#setTimer();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Called on each shared tick with the samples that were just taken, and the run of each unit. */
  take(samples: ReadonlyMap<string, Sampled>, runs: ReadonlyMap<string, number>): void {
    const measured = new Map<string, Measurement>();
    for (const [id, sample] of samples) {
      const entry = this.#o.world.get(id);
      const run = runs.get(id);
      if (entry === undefined || run === undefined || entry.spec.limits === null) continue;
      // `#sampleOften` counts the memory of these units.
      const only: readonly Limit[] = this.#isSampledOften(id, entry) ? ["cpu", "tasks"] : LIMITS;
      measured.set(id, { run, sample, only, unenforced: unenforcedOf(this.#o, id, entry.unit) });
    }
    if (measured.size > 0) this.#o.engine.post({ type: "measured", samples: measured });
  }

  #onTurn(turn: Turn): void {
    if (turn.changed.size + turn.removed.size === 0) return;
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      if (entry !== undefined) this.#bind(id, entry);
    }
    this.#setTimer();
  }

  /** Applies the limits of the unit to its cgroup. A reload may have changed them. Applying the same limits again costs nothing. */
  #bind(id: string, { spec, unit }: Entry): void {
    if (unit.process !== null) this.#o.processes.bind(this.#o.invocationOf(id, unit.run), boundsOf(spec.limits));
  }

  #isSampledOften(id: string, { spec, unit }: Entry): boolean {
    return spec.limits?.action === "enforce" && spec.limits.maxMemoryMb !== null && unenforcedOf(this.#o, id, unit)("memory") !== null;
  }

  #setTimer(): void {
    const needed = [...this.#o.world.entries()].some(([id, entry]) => entry.unit.process !== null && this.#isSampledOften(id, entry));
    if (needed) this.#timer ??= setInterval(() => void this.#sampleOften(), ENFORCE_EVERY_MS);
    else this.close();
  }

  async #sampleOften(): Promise<void> {
    const { world, usage, invocationOf, bug } = this.#o;
    const trees = new Map<string, TreeOf>();
    const runs = new Map<string, number>();
    for (const [id, entry] of world.entries()) {
      const { unit } = entry;
      if (!isProbed(unit) || !this.#isSampledOften(id, entry)) continue;
      trees.set(id, { invocation: invocationOf(id, unit.run), main: unit.process! });
      runs.set(id, unit.run);
    }
    try {
      const measured = new Map<string, Measurement>();
      for (const [id, memoryMb] of await usage.memory(trees)) {
        const entry = world.get(id);
        const run = runs.get(id);
        if (entry === undefined || run === undefined) continue;
        const sample = { memoryMb, cpuPercent: null, tasks: 0 };
        measured.set(id, { run, sample, only: ["memory"], sustained: 1, unenforced: unenforcedOf(this.#o, id, entry.unit) });
      }
      if (measured.size > 0) this.#o.engine.post({ type: "measured", samples: measured });
    } catch (error) {
      bug("cannot sample the memory of units", error);
    }
  }
}

export function unenforcedOf({ processes, invocationOf }: Enforcement, id: string, { process, run }: Entry["unit"]): Unenforced {
  return (limit) => processes.unheld(process === null ? null : invocationOf(id, run), limit);
}
