import type { Telemetry } from "../../api/server/supervisor.ts";

/** Bounds of the buckets for response times of probes, in seconds: Prometheus' own default buckets. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Durations {
  readonly counts: number[];
  count: number;
  sum: number;
}

/** Counts what cannot be read off the units afterwards: how long probes took, and how late the shared tick came. */
export class Meter {
  readonly #durations = new Map<string, Durations>();
  readonly #tickMs: number;
  #dueMs: number | null = null;
  #worstLagMs = 0;

  /** `tickMs`: how often `tick` should be called. */
  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  probed(unit: string, responseMs: number | null): void {
    if (responseMs === null) return;
    let durations = this.#durations.get(unit);
    if (durations === undefined) this.#durations.set(unit, (durations = { counts: BUCKETS.map(() => 0), count: 0, sum: 0 }));
    const seconds = responseMs / 1000;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) durations.counts[bucket]!++;
    durations.count++;
    durations.sum += seconds;
  }

  /** What the tick is late by is what the event loop was held up. */
  tick(nowMs: number): void {
    if (this.#dueMs !== null) this.#worstLagMs = Math.max(this.#worstLagMs, nowMs - this.#dueMs);
    this.#dueMs = nowMs + this.#tickMs;
  }

  forget(unit: string): void {
    this.#durations.delete(unit);
  }

  /** The worst lag is that since the last call. */
  read(): Pick<Telemetry, "probes" | "loopLagSeconds"> {
    const loopLagSeconds = Math.max(0, this.#worstLagMs) / 1000;
    this.#worstLagMs = 0;
    const probes = [...this.#durations].map(([unit, { counts, count, sum }]) => {
      let below = 0;
      return { unit, count, sum, buckets: BUCKETS.map((le, i) => ({ le, count: (below += counts[i]!) })) };
    });
    return { probes, loopLagSeconds };
  }
}
