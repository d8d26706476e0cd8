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
  /** Receives every round of samples by unit, and the number of the run of each unit that was measured. */
  readonly onSamples: (samples: ReadonlyMap<string, Sample>, runs: ReadonlyMap<string, number>) => void;
  readonly bug: (message: string, error?: unknown) => void;
}

/** The newest value of each metric that a unit reported, stored or not, and the monotonic time of that report. */
interface Newest {
  readonly values: Readonly<Record<string, number>>;
  readonly atMs: Readonly<Record<string, number>>;
}

/** If a unit reports too many metrics, a metric that it has not reported for this time can be replaced by another one. */
const IN_USE_MS = 3_600_000;

/**
 * Maximum number of units whose rows are written in one turn of the event loop. The row of each unit is on a separate page of the
 * database, so the rows of 1,000 units take some milliseconds. Other work can run between the turns.
 */
export const WRITTEN_AT_ONCE = 200;

/** Measures all running units, and stores the results together with the metrics that services have reported since the last sample. */
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

  /** Returns the newest value of each reported metric, by unit. */
  reported(): ReadonlyMap<string, Readonly<Record<string, number>>> {
    return new Map([...this.#newest].map(([id, { values }]) => [id, values]));
  }

  /** Returns the numbers that a unit reported at or after `sinceMs` (monotonic). */
  reportedSince(id: string, sinceMs: number): Record<string, number> {
    const { values, atMs } = this.#newest.get(id) ?? { values: {}, atMs: {} };
    return Object.fromEntries(Object.entries(values).filter(([name]) => atMs[name]! >= sinceMs));
  }

  /**
   * Accepts metrics that a unit reports. Returns false and accepts none of them if the unit would then have more than `most` names.
   * If there are too many names, those that were not reported for an hour are removed.
   */
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

  /** Must be called when the unit was removed. */
  forget(id: string): void {
    this.#newest.delete(id);
    this.#reported.delete(id);
  }

  /** Measures all running units once. Does nothing if the previous round is not complete yet. */
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
    bus.publish(() => ({
      kind: "metrics",
      data: rows.map((row) => ({
        id: row.serviceId,
        cpu_percent: row.cpuPercent,
        memory_mb: row.memoryMb,
        tasks: row.tasks ?? null,
        open_files: row.openFiles ?? null,
      })),
    }));
  }
}
