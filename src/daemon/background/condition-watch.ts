import type { AlertCondition } from "../../core/alerts/alerts.ts";
import { storeConditions } from "../../core/alerts/conditions.ts";
import { logConditions } from "../../core/logs/loss-messages.ts";
import type { ConditionSource } from "../../core/world/types.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { StoreHealth } from "../../ports/store/upkeep.ts";
import type { Engine } from "../engine/engine.ts";
import type { Forecaster } from "./forecaster.ts";

export interface ConditionWatchOptions {
  readonly world: World;
  readonly store: StoreHealth;
  readonly logs: Pick<LogStore, "condition">;
  readonly forecaster: Pick<Forecaster, "conditionsOf">;
  readonly engine: Pick<Engine, "handle" | "watch">;
}

const DAEMON = "";

/**
 * Reports conditions that the world cannot see in its own records: failing writes to the store, lost output, and predictions that a
 * limit will be reached. Each shared tick compares the conditions with those of the last tick, and reports only changes.
 */
export class ConditionWatch {
  readonly #o: ConditionWatchOptions;
  /** The last observed conditions, by source and unit. There is no entry if there were none. */
  readonly #known = new Map<string, string>();

  constructor(options: ConditionWatchOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#forget(turn));
  }

  tick(): void {
    const { world, store, logs, forecaster } = this.#o;
    this.#observe("store", DAEMON, storeConditions(store.condition));
    for (const [id, entry] of world.entries()) {
      this.#observe("log", id, logConditions(entry, logs.condition(id)));
      this.#observe("forecast", id, forecaster.conditionsOf(id, entry));
    }
  }

  #observe(source: ConditionSource, unit: string, conditions: readonly AlertCondition[]): void {
    const key = `${source} ${unit}`;
    const known = this.#known.get(key);
    if (conditions.length === 0 && known === undefined) return;
    const now = JSON.stringify(conditions);
    if (now === known) return;
    if (conditions.length === 0) this.#known.delete(key);
    else this.#known.set(key, now);
    this.#o.engine.handle({ type: "observed", source, unit, conditions });
  }

  /** Forgets the conditions of removed units. The world forgets them too, so if a unit is added again, they must be reported again. */
  #forget(turn: Turn): void {
    for (const unit of turn.removed) for (const source of ["log", "forecast"]) this.#known.delete(`${source} ${unit}`);
  }
}
