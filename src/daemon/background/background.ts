import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { WatchFiles } from "../../ports/filewatch.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Processes } from "../../ports/processes.ts";
import type { AlertStore } from "../../ports/store/alerts.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { MetricsStore } from "../../ports/store/metrics.ts";
import type { KeyValueStore } from "../../ports/store/settings.ts";
import type { StoreHealth } from "../../ports/store/upkeep.ts";
import type { HostFigures, HostUsage, Sample, Usage } from "../../ports/usage.ts";
import { ConditionWatch } from "./condition-watch.ts";
import type { ConnectionWatch } from "../engine/connection-watch.ts";
import type { Engine } from "../engine/engine.ts";
import type { Launcher } from "../engine/launcher.ts";
import { Forecaster } from "./forecaster.ts";
import { Limiter } from "./limiter.ts";
import type { Recorder } from "../engine/recorder.ts";
import type { Reloader } from "../units/reloader.ts";
import type { SocketHolder } from "../engine/socket-holder.ts";
import { Sampler } from "./sampler.ts";
import { countConnections, readScaledUnits } from "./scaled-units.ts";
import { Schedules } from "./schedules.ts";
import type { Bus } from "../engine/bus.ts";
import { Meter } from "./telemetry.ts";
import { Watches } from "./watches.ts";

export interface BackgroundOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: MetricsStore & EventHistory & AlertStore & KeyValueStore & StoreHealth;
  readonly logs: LogStore;
  readonly processes: Processes;
  readonly usage: Usage;
  readonly hostUsage: HostUsage;
  readonly bus: Bus;
  readonly engine: Engine;
  readonly recorder: Recorder;
  readonly reloader: Reloader;
  readonly launcher: Launcher;
  readonly watchFiles: WatchFiles;
  readonly sockets: Pick<SocketHolder, "of">;
  readonly connectionWatch: Pick<ConnectionWatch, "expectActivity">;
  /** The interval between calls of `tick`, in milliseconds. */
  readonly tickMs: number;
  readonly invocationOf: (id: string, run: number) => string;
  /** Returns how many runs a unit had earlier in this boot, before this daemon loaded it. */
  readonly earlierRuns: (id: string) => number;
  readonly bug: (message: string, error?: unknown) => void;
}

/** Does the daemon's periodic and automatic work: samples, limits, forecasts, alerts, schedules and watched files. */
export class Background {
  readonly sampler: Sampler;
  readonly limiter: Limiter;
  readonly forecaster: Forecaster;
  readonly conditions: ConditionWatch;
  readonly schedules: Schedules;
  readonly watches: Watches;
  readonly meter: Meter;
  readonly #o: BackgroundOptions;
  #host: HostFigures;

  constructor(options: BackgroundOptions) {
    this.#o = options;
    this.#host = options.hostUsage.sample();
    this.limiter = new Limiter(options);
    this.sampler = new Sampler({
      ...options,
      onSamples: (samples, runs) => {
        this.limiter.take(samples, runs);
        this.#scale(samples, runs);
      },
    });
    this.forecaster = new Forecaster(options);
    this.conditions = new ConditionWatch({ ...options, forecaster: this.forecaster });
    this.schedules = new Schedules({ ...options, isActive: (id) => options.reloader.isScheduleActive(id) });
    this.watches = new Watches(options);
    this.meter = new Meter(options.tickMs);
  }

  /** Must be called once all units are loaded and the units of an earlier daemon are adopted. */
  start(): void {
    this.limiter.start();
    this.schedules.start();
    this.conditions.tick();
    this.#beginAlerts();
  }

  /** The figures of the machine at the last tick. */
  get host(): HostFigures {
    return this.#host;
  }

  /** The shared tick, which the daemon calls at a fixed interval for all periodic work. */
  tick(): void {
    this.meter.tick(this.#o.clock.monotonicMs());
    this.schedules.checkClock();
    this.#host = this.#o.hostUsage.sample();
    void this.sampler.sample(); // never rejects
    this.forecaster.tick();
    this.conditions.tick();
  }

  /** Must be called before the units are stopped, so that no schedule and no file watch starts a unit again. */
  close(): void {
    this.schedules.close();
    this.watches.close();
    this.limiter.close();
  }

  /** Called when a unit was removed. */
  forget(id: string): void {
    this.meter.forget(id);
    this.sampler.forget(id);
  }

  /** Hands the values to the world by which services scale themselves. */
  #scale(samples: ReadonlyMap<string, Sample>, runs: ReadonlyMap<string, number>): void {
    const { world, engine, clock, usage, earlierRuns, sockets, connectionWatch } = this.#o;
    const units = readScaledUnits([...world.entries()], { samples, runs, sampler: this.sampler, usage }, clock.monotonicMs());
    const connections = countConnections(world, sockets, usage);
    if (units.size > 0) engine.post({ type: "measured", samples: new Map(), readings: { units, earlierRuns, connections } });
    connectionWatch.expectActivity();
  }

  /** Begins to raise and resolve alerts. Alerts that an earlier daemon left open stay open as long as their condition holds. */
  #beginAlerts(): void {
    const { store, engine } = this.#o;
    const open = store
      .alerts(true)
      .map(({ id, serviceId, alertType }) => ({ id, unit: serviceId ?? "", type: alertType, calmSinceMs: null }));
    engine.handle({ type: "resumed", open, lastId: store.lastAlertId });
  }
}
