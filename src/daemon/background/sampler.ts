import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TreeOf } from "../../ports/processes.ts";
import type { MetricRow, MetricsStore } from "../../ports/store/metrics.ts";
import type { Sample, Usage } from "../../ports/usage.ts";
import type { Bus } from "../engine/bus.ts";
import { healthOf } from "../queries/describe.ts";

export interface SamplerOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: MetricsStore;
  readonly usage: Usage;
  readonly bus: Bus;
  readonly invocationOf: (id: string, run: number) => string;
  /** Receives every round of samples, with the run that each was taken of. */
  readonly onSamples: (samples: ReadonlyMap<string, Sample>, runs: ReadonlyMap<string, number>) => void;
  readonly bug: (message: string, error?: unknown) => void;
}

/** The newest of each number that a unit reported, also when it was stored already, and when that was. */
interface Newest {
  readonly values: Readonly<Record<string, number>>;
  readonly atMs: Readonly<Record<string, number>>;
}

/** A name that was not reported for so long gives its place to another, when there are too many. */
const IN_USE_MS = 3_600_000;

/** Each unit's row is on a page of its own: of 1,000 units some milliseconds, in which others get their turn. */
export const WRITTEN_AT_ONCE = 200;

/** Numbers that services reported since the last sample, and the measured ones of every running unit. */
export class Sampler {
  readonly #options: SamplerOptions;
  #latest: ReadonlyMap<string, Sample> = new Map();
  #reported = new Map<string, Record<string, number>>();
  readonly #newest = new Map<string, Newest>();
  #busy = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  latest(id: string): Sample | undefined {
    return this.#latest.get(id);
  }

  /** The newest of each number that the unit has reported. */
  reported(): ReadonlyMap<string, Readonly<Record<string, number>>> {
    return new Map([...this.#newest].map(([id, { values }]) => [id, values]));
  }

  /** False, and nothing is kept: with these the unit would have more than `most` names. Names that went out of use make room. */
  report(id: string, metrics: Readonly<Record<string, number>>, most: number): boolean {
    const now = this.#options.clock.monotonicMs();
    const { values, atMs } = this.#newest.get(id) ?? { values: {}, atMs: {} };
    let names = [...new Set([...Object.keys(values), ...Object.keys(metrics)])];
    if (names.length > most) names = names.filter((name) => name in metrics || now - atMs[name]! < IN_USE_MS);
    if (names.length > most) return false;
    const kept = <T>(all: Readonly<Record<string, T>>): Record<string, T> => Object.fromEntries(names.map((name) => [name, all[name]!]));
    const seen = Object.fromEntries(Object.keys(metrics).map((name) => [name, now]));
    this.#newest.set(id, { values: kept({ ...values, ...metrics }), atMs: kept({ ...atMs, ...seen }) });
    this.#reported.set(id, { ...this.#reported.get(id), ...metrics });
    return true;
  }

  /** When the unit is removed. */
  forget(id: string): void {
    this.#newest.delete(id);
    this.#reported.delete(id);
  }

  /** One sweep over all running units. A sweep that takes longer than the interval is not overtaken by the next. */
  async sample(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { trees, runs } = this.#running();
      this.#latest = await this.#options.usage.sample(trees);
      await this.#store();
      this.#options.onSamples(this.#latest, runs);
    } catch (error) {
      this.#options.bug("cannot sample the units", error);
    } finally {
      this.#busy = false;
    }
  }

  #running(): { readonly trees: Map<string, TreeOf>; readonly runs: Map<string, number> } {
    const trees = new Map<string, TreeOf>();
    const runs = new Map<string, number>();
    for (const [id, { unit }] of this.#options.world.entries()) {
      if (unit.process === null) continue;
      trees.set(id, { invocation: this.#options.invocationOf(id, unit.run), main: unit.process });
      runs.set(id, unit.run);
    }
    return { trees, runs };
  }

  async #store(): Promise<void> {
    const { world, clock, store, bus } = this.#options;
    const timestamp = new Date(clock.wallMs()).toISOString();
    const rows: MetricRow[] = [];
    const reported = this.#reported;
    this.#reported = new Map();
    for (const id of new Set([...this.#latest.keys(), ...reported.keys()])) {
      const entry = world.get(id);
      if (entry === undefined) continue;
      const sample = this.#latest.get(id);
      const numbers = reported.get(id);
      rows.push({
        serviceId: id,
        timestamp,
        cpuPercent: sample?.cpuPercent ?? null,
        memoryMb: sample?.memoryMb ?? null,
        tasks: sample?.tasks ?? null,
        openFiles: sample?.openFiles ?? null,
        restarts: entry.unit.restarts,
        healthStatus: healthOf(entry),
        responseTimeMs: entry.check?.results.at(-1)?.responseMs ?? null,
        ...(numbers ? { reported: numbers } : {}),
      });
    }
    if (rows.length === 0) return;
    for (let at = 0; at < rows.length; at += WRITTEN_AT_ONCE) {
      if (at > 0) await new Promise(setImmediate);
      store.addMetrics(rows.slice(at, at + WRITTEN_AT_ONCE));
    }
    bus.publish({
      kind: "metrics",
      data: rows.map((row) => ({
        id: row.serviceId,
        cpu_percent: row.cpuPercent,
        memory_mb: row.memoryMb,
        tasks: row.tasks ?? null,
        open_files: row.openFiles ?? null,
      })),
    });
  }
}
