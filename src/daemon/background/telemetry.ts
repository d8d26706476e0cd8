import type { Telemetry } from "../../api/server/supervisor.ts";

/** Upper bounds of the buckets for probe response times, in seconds. These are the default buckets of Prometheus. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Durations {
  readonly counts: number[];
  count: number;
  sum: number;
}

/** Measures figures that the state of the units does not show: how long probes took, and how late the shared tick was. */
export class Meter {
  readonly #durations = new Map<string, Durations>();
  readonly #tickMs: number;
  #dueMs: number | null = null;
  #worstLagMs = 0;

  /** `tickMs` is the intended interval between calls of `tick`, in milliseconds. */
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

  /** Measures the delay of the tick, which is the time for which the event loop was blocked. */
  tick(nowMs: number): void {
    if (this.#dueMs !== null) this.#worstLagMs = Math.max(this.#worstLagMs, nowMs - this.#dueMs);
    this.#dueMs = nowMs + this.#tickMs;
  }

  forget(unit: string): void {
    this.#durations.delete(unit);
  }

  /** Returns the totals, and the worst lag since the last call. */
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
