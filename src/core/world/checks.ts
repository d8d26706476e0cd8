import { formatDuration } from "../../base/duration.ts";
import { beginCheck, beginProbe, changedCheck, describeFailure, healthChangeEvent, probed, spreadSlots } from "../unit/check.ts";
import { awaitsReadyNotice, isProbed, mayProbe } from "../unit/phase.ts";
import type { Env, Unit } from "../unit/record.ts";
import { checkWatchdog, keptAlive, watchdogOf } from "../unit/watchdog.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Apply, Entry, Fact, Step, WorldEvent } from "./types.ts";
import type { Units } from "./units.ts";

export interface ChecksOptions {
  readonly units: Units;
  readonly apply: Apply;
  /** If true, the health checks of units are spread evenly over their intervals. */
  readonly spreadChecks: boolean;
}

/** The golden ratio. The fractional parts of its multiples are spread evenly between 0 and 1, for any number of multiples. */
const GOLDEN = 0.6180339887498949;

/**
 * Handles health checks and watchdogs of running units: decides when to probe, and what happens after a probe result or a
 * missing WATCHDOG=1.
 */
export class Checks {
  readonly #o: ChecksOptions;
  /** Number of checks that have been spread so far. */
  #spread = 0;

  constructor(options: ChecksOptions) {
    this.#o = options;
  }

  /**
   * Returns the entry with the changed unit, and with a check and a watchdog that match the unit's new state. A new check
   * begins with each run. Another one begins when the run sends READY=1, because the run is not probed earlier. No probe is
   * due while the unit must not be probed, for example while it stops.
   */
  follow(entry: Entry, unit: Unit, env: Env): Entry {
    const { spec } = entry;
    const wasAlive = entry.unit.process !== null && entry.unit.run === unit.run;
    const begins = unit.process !== null && (!wasAlive || (awaitsReadyNotice(entry.unit, spec) && !awaitsReadyNotice(unit, spec)));
    const check = !begins ? entry.check : spec.check === null ? null : beginCheck(unit.run, env.nowMs);
    const watchdog = watchdogOf(entry.watchdog, unit, spec.watchdogMs, env.nowMs);
    if (check === null || check.dueMs === null || mayProbe(unit, spec)) return { ...entry, unit, check, watchdog };
    return { ...entry, unit, check: { ...check, dueMs: null }, watchdog };
  }

  /** Returns the check of a unit after its file was loaded again. */
  reloaded({ unit, spec, check }: Entry, after: Spec, { nowMs }: Env): Entry["check"] {
    if (!mayProbe(unit, spec)) return check;
    return changedCheck(check, spec.check, after.check, { run: unit.run, ready: unit.phase !== "starting", nowMs });
  }

  /** Starts a probe of the unit if one is due. */
  probe(id: string, { env, turn }: Step): void {
    const entry = this.#o.units.get(id);
    const check = entry?.check;
    if (entry === undefined || check?.dueMs == null || check.dueMs > env.nowMs) return;
    const next = beginProbe(check);
    this.#o.units.put({ ...entry, check: next });
    turn.effects.push({ id, type: "probe", run: next.run, seq: next.seq });
  }

  probeNow(id: string, step: Step): void {
    const entry = this.#o.units.get(id);
    if (entry?.check == null || entry.check.probing || !mayProbe(entry.unit, entry.spec)) return;
    this.#o.units.put({ ...entry, check: { ...entry.check, dueMs: step.env.nowMs } });
    this.probe(id, step);
  }

  probed(event: Extract<WorldEvent, { type: "probed" }>, step: Step): void {
    const { env, turn } = step;
    const entry = this.#o.units.get(event.id);
    const spec = entry?.spec.check;
    if (!entry?.check || !spec || entry.check.run !== event.run || !isProbed(entry.unit)) return;
    const { state: after, verdict } = probed(entry.check, spec, event.seq, event.result, env.nowMs);
    if (after === entry.check) return;
    const spreads = verdict === "ready" && this.#o.spreadChecks;
    const state = spreads ? spreadSlots(after, spec, (++this.#spread * GOLDEN) % 1) : after;
    if (state.health !== entry.check.health) turn.changed.add(event.id);
    this.#o.units.put({ ...entry, check: state });
    if (verdict === "ready") this.#o.apply(event.id, { type: "ready", run: event.run }, step);
    const change = healthChangeEvent(entry.check, state, spec, event.result);
    if (change !== null) turn.effects.push({ id: event.id, ...change });
    if (verdict === "unhealthy" && spec.action === "restart") {
      const detail = describeFailure(state, event.result);
      this.#o.apply(event.id, { type: "condemned", run: event.run, by: "health", detail }, step);
    }
  }

  /** Applies an sd_notify(3) message of the service to its watchdog. A message may reset the watchdog, change its period or trigger it. */
  feed(id: string, { run, notice }: Extract<Fact, { type: "notified" }>, step: Step): void {
    const entry = this.#o.units.get(id);
    if (entry === undefined || entry.unit.run !== run) return;
    const watchdog = keptAlive(entry.watchdog, entry.unit, notice, step.env.nowMs);
    if (watchdog !== entry.watchdog) this.#o.units.put({ ...entry, watchdog });
    if (notice.watchdog === "trigger")
      this.#o.apply(id, { type: "condemned", run, by: "watchdog", detail: "the service sent WATCHDOG=trigger" }, step);
  }

  /** Ends the run if its watchdog period has passed without WATCHDOG=1. */
  checkWatchdog(id: string, step: Step): void {
    const entry = this.#o.units.get(id);
    if (entry?.watchdog == null) return;
    const { state, expired } = checkWatchdog(entry.watchdog, step.env.nowMs);
    if (state !== entry.watchdog) this.#o.units.put({ ...entry, watchdog: state });
    const detail = `no WATCHDOG=1 within ${formatDuration(state.periodMs ?? 0)}`;
    if (expired) this.#o.apply(id, { type: "condemned", run: state.run, by: "watchdog", detail }, step);
  }
}
