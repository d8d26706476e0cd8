import { judge, keyOf, type AlertCondition, type OpenAlert } from "../../core/alerts/alerts.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AlertStore } from "../../ports/store/alerts.ts";
import type { Engine } from "../engine/engine.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface AlertingOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: AlertStore;
  readonly recorder: Pick<Recorder, "tell">;
  readonly engine: Pick<Engine, "watch">;
  /** What is wrong with a unit, or with the daemon itself (""), right now. */
  readonly conditionsOf: (id: string) => readonly AlertCondition[];
}

const DAEMON = "";

/**
 * Opens and resolves alerts: at once when a unit changes for the worse, and on the shared tick when it has been calm for
 * long enough. What an earlier daemon left open is gone on with.
 */
export class Alerting {
  readonly #o: AlertingOptions;
  #open: ReadonlyMap<string, OpenAlert>;

  constructor(options: AlertingOptions) {
    this.#o = options;
    const known = options.store
      .alerts(true)
      .map(({ id, serviceId, alertType }) => ({ id, unit: serviceId ?? "", type: alertType, calmSinceMs: null }));
    this.#open = new Map(known.map((alert) => [keyOf(alert), alert]));
  }

  /** When everything is loaded and what an earlier daemon left is taken over: until then units look as if they were new. */
  start(): void {
    this.#o.engine.watch((turn) => this.#look(turn));
    this.tick();
  }

  /** On the shared tick: every unit. */
  tick(): void {
    const ids = new Set([DAEMON, ...[...this.#o.world.entries()].map(([id]) => id)]);
    for (const { unit } of this.#open.values()) ids.add(unit);
    this.#judge(ids);
  }

  #look(turn: Turn): void {
    if (turn.changed.size + turn.removed.size > 0) this.#judge(new Set([...turn.changed, ...turn.removed]));
  }

  #judge(units: ReadonlySet<string>): void {
    const { world, clock, conditionsOf } = this.#o;
    const concerns = [...units].flatMap((id) => conditionsOf(id));
    const [ours, others] = [new Map<string, OpenAlert>(), new Map<string, OpenAlert>()];
    for (const [key, alert] of this.#open) (units.has(alert.unit) ? ours : others).set(key, alert);
    if (concerns.length === 0 && ours.size === 0) return;
    const isSettled = (id: string): boolean => id !== DAEMON && world.get(id)?.unit.want !== "up";
    const { opened, resolved, open } = judge(ours, concerns, isSettled, clock.monotonicMs());
    this.#open = new Map([...others, ...open, ...opened.map((concern) => [keyOf(concern), this.#begin(concern)] as const)]);
    for (const alert of resolved) this.#end(alert);
  }

  #begin({ unit, type, severity, message }: AlertCondition): OpenAlert {
    const { clock, store, recorder } = this.#o;
    const createdAt = new Date(clock.wallMs()).toISOString();
    const id = store.openAlert({ serviceId: unit === "" ? null : unit, severity, alertType: type, message, createdAt });
    // Told after the turn that led to it.
    queueMicrotask(() =>
      recorder.tell("alert-opened", `${severity}: ${message}`, unit === "" ? null : unit, { alert: id, alert_type: type, severity }),
    );
    return { id, unit, type, calmSinceMs: null };
  }

  #end({ id, unit, type }: OpenAlert): void {
    const { clock, store, recorder } = this.#o;
    store.resolveAlert(id, new Date(clock.wallMs()).toISOString());
    queueMicrotask(() => recorder.tell("alert-resolved", `resolved: ${type}`, unit === "" ? null : unit, { alert: id, alert_type: type }));
  }
}
